"""Holds the HTML pages of an unpacked bundle to what they promise.

    pages.py FOLDER

Every page is well-formed, carries the strict policy, runs nothing and loads nothing; every link leads to a file
or folder of the bundle. Prints what it saw as JSON; exit 1 with the first problems.
"""

import base64
import hashlib
import json
import pathlib
import re
import sys
import urllib.parse
from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "link", "img", "input"}
FORBIDDEN = {"script", "iframe", "object", "embed", "form", "img", "link", "base", "input"}


class Page(HTMLParser):
    def __init__(self, path):
        super().__init__(convert_charrefs=True)
        self.path, self.open, self.links, self.problems = path, [], [], []
        self.policy, self.style, self.text = None, "", []

    def problem(self, what):
        self.problems.append(f"{self.path}:{self.getpos()[0]}: {what}")

    def handle_starttag(self, tag, attrs):
        if tag in FORBIDDEN:
            self.problem(f"<{tag}> has no place here")
        names = [name for name, _ in attrs]
        if len(set(names)) != len(names):
            self.problem(f"<{tag}> has an attribute twice")
        for name, value in attrs:
            if name.startswith("on") or name in ("src", "style", "srcset"):
                self.problem(f"{name} of <{tag}> has no place here")
            if name == "href":
                self.links.append((self.getpos()[0], value))
        if dict(attrs).get("http-equiv") == "Content-Security-Policy":
            self.policy = dict(attrs)["content"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problem(f"</{tag}> ends nothing that is open")

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.text.append(data)


def check(path, folder):
    raw = path.read_bytes().decode("utf-8")
    page = Page(path.relative_to(folder))
    page.feed(raw)
    page.close()
    if page.open:
        page.problem(f"never ended: {page.open}")
    style = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    if page.policy is None or f"default-src 'none'; style-src 'sha256-{style}'" not in page.policy:
        page.problem(f"the policy does not fit the page: {page.policy}")
    if "@import" in page.style or "url(" in page.style:
        page.problem("the style loads something")
    for c in set(raw):
        if re.match(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", c):
            page.problem(f"U+{ord(c):04X} is in the page")
    for line, link in page.links:
        target = (path.parent / urllib.parse.unquote(link)).resolve()
        if ":" in link or link.startswith("/") or not target.is_relative_to(folder):
            page.problems.append(f"{page.path}:{line}: {link} leads out of the bundle")
        elif not (target.is_dir() if link.endswith("/") else target.is_file()):
            page.problems.append(f"{page.path}:{line}: {link} leads nowhere")
    return page


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    pages = [check(path, folder) for path in sorted(folder.rglob("*.html")) if path.name == "index.html"]
    problems = [problem for page in pages for problem in page.problems]
    if problems or not pages:
        sys.exit("\n".join(problems[:20]) or "there is no page")
    print(json.dumps({"pages": len(pages), "links": sum(len(page.links) for page in pages)}))


main()
