"""Every example (`>>>`) in the Markdown pages runs, and prints what the page says."""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [page for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md") if page.exists()] + [*ROOT.glob("docs/**/*.md")]
)
FENCE = re.compile(r"^[ \t]*(```|~~~).*$", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=[page.relative_to(ROOT).as_posix() for page in PAGES])
def test_the_examples_of_the_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PULLBACK_ENGINE", raising=False)  # the pages show what native code does
    # A blank line for each fence: doctest would take the closing fence for
    # output, and line numbers stay those of the page.
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    examples = doctest.DocTestParser().get_doctest(text, {"__name__": "__main__"}, page.name, str(page), 0)
    report = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(examples, out=report.append)
    assert not report, "".join(report)
