"""What mkdocs doesn't do by itself for the book: formulas as MathML, so that a browser needs no script for them, and a page for
each file of the repository that a chapter links to, so that the site is whole without the repository beside it."""

import html
import pathlib
import re

from latex2mathml.converter import convert
from mkdocs.structure.files import File

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\((\.\./[^)#]+)")  # out of docs/book
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)
LANGUAGES = {".hpp": "cpp", ".cpp": "cpp", ".h": "c", ".c": "c", ".inl": "cpp", ".py": "python", ".sh": "sh", ".md": "markdown"}


def linked_file(link):
    """The path from the repository's top of what docs/book/ links to."""
    path = (ROOT / "docs/book" / link).resolve()
    if not path.is_file() or path.suffix not in LANGUAGES:
        raise SystemExit(f"docs/book links to {link}, which isn't a text file of the repository")
    return path.relative_to(ROOT)


def on_files(files, config):
    links = {link for page in pathlib.Path(config.docs_dir).glob("*.md") for link in LINK.findall(page.read_text())}
    for name in sorted(map(linked_file, links)):
        fence = f'~~~~~ {{ .{LANGUAGES[name.suffix]} linenums="1" }}'
        text = f"# {name}\n\n{fence}\n{(ROOT / name).read_text()}\n~~~~~\n"
        files.append(File.generated(config, f"source/{name}.md", content=text))
    return files


def on_page_markdown(markdown, page, config, files):
    if page.file.src_uri.startswith("source/"):
        return markdown
    return LINK.sub(lambda link: f"](source/{linked_file(link[1])}.md", markdown)


def on_page_content(content, page, config, files):
    def formula(match):
        if match[1] == "span":
            return convert(html.unescape(match[2]))
        # Wider than a phone, some are: they scroll by themselves, not the page.
        return f'<div style="overflow: auto hidden; padding: 0.3em 0">{convert(html.unescape(match[2]), display="block")}</div>'

    return FORMULA.sub(formula, content)
