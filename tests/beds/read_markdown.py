"""What Markdown on stdin says outside of code, by GitHub's own parser (cmark-gfm): JSON with its text, the links and
the elements in it."""

import html.parser
import json
import sys

import cmarkgfm


class Reader(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.code, self.text, self.code_texts, self.elements, self.links = 0, [], [], set(), []

    def handle_starttag(self, tag, attributes):
        self.elements.add(tag)
        self.code += tag == "code"
        self.links += [value for name, value in attributes if name in ("href", "src")]

    def handle_endtag(self, tag):
        self.code -= tag == "code"

    def handle_data(self, data):
        (self.code_texts if self.code else self.text).append(data)


reader = Reader()
reader.feed(cmarkgfm.github_flavored_markdown_to_html(sys.stdin.read()))
print(json.dumps({"text": "".join(reader.text), "code": reader.code_texts, "elements": sorted(reader.elements),
                  "links": reader.links}))
