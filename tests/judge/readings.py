"""What the rules of all tests share: ways of reading the text, times, names."""

from datetime import datetime

GREEN = ["pass", "waived", "excluded"]


class Doubts:
    """One way of reading the text: an answer to each doubt, chosen when it is first met."""

    def __init__(self, prefix):
        self.prefix = prefix
        self.met = []
        self.answers = {}
        self.by_the_letter = True

    def either(self, doubt, *answers):
        if doubt not in self.answers:
            place = len(self.met)
            choice = self.prefix[place] if place < len(self.prefix) else 0
            self.met.append((doubt, choice, len(answers)))
            self.answers[doubt] = choice
        return answers[self.answers[doubt]]

    def allowed(self, doubt):
        """Allowed by the letter; a stricter reader may say no."""
        answer = self.either(doubt, True, False)
        self.by_the_letter = self.by_the_letter and answer
        return answer


def every_reading(decide):
    """All [outcome, reason] that `decide` gives, the doubts met on the way, and whether it is never green."""
    found, names, todo, never_green = set(), set(), [[]], False
    while todo:
        doubts = Doubts(todo.pop())
        decided = decide(doubts)
        found.add(decided)
        never_green = never_green or (doubts.by_the_letter and decided[0] not in GREEN)
        names.update(doubt for doubt, _, _ in doubts.met)
        taken = [choice for _, choice, _ in doubts.met]
        for place in range(len(doubts.prefix), len(taken)):
            for other in range(1, doubts.met[place][2]):
                todo.append(taken[:place] + [other])
    return sorted(found), sorted(names), never_green


def at(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def same(one, other):
    """Whether two names are one person's; GitHub's know no upper and lower case."""
    return one is not None and other is not None and one.lower() == other.lower()


def among(name, names):
    return any(same(name, one) for one in names)
