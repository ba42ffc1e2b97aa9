"""The demos of ``pullback demo``: written as a user would write them, and taken for a user's code in reports."""
