"""Reports and pictures: what a derivative keeps and costs by source line, what a chain costs, how training went.

Reports print as tables; with the extra ``show`` (rich, matplotlib) they are drawn, and there are
pictures. Neither package is imported before it is needed.
"""

from .chain_picture import draw_chain
from .memory import MemoryReport, chain_memory, memory
from .pictures import confusion_matrix, draw_confusion, draw_curves, draw_decision_boundary, draw_fit
from .work import WorkReport, work

__all__ = [
    "MemoryReport",
    "WorkReport",
    "chain_memory",
    "confusion_matrix",
    "draw_chain",
    "draw_confusion",
    "draw_curves",
    "draw_decision_boundary",
    "draw_fit",
    "memory",
    "work",
]
