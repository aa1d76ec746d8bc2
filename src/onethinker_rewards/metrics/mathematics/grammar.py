"""From tokens to a tree: one answer, its lists, relations and sets."""

from __future__ import annotations

from onethinker_rewards.metrics.mathematics.lexing import Token, tokens
from onethinker_rewards.metrics.mathematics.node import Node, Unreadable
from onethinker_rewards.metrics.mathematics.terms import Terms

__all__ = ["parse"]

_RELATIONS = frozenset({"=", "<", ">", "<=", ">=", "!=", "in", "to"})
_SETS = {"cup": "union", "cap": "intersection", "setminus": "without"}
_SEPARATORS = frozenset({",", ";", "or", "and"})
_CLOSING = {"(": frozenset(")]"), "[": frozenset(")]"), "\\{": frozenset({"\\}"}), "{": frozenset("}")}


def parse(text: str) -> Node:
    """Return the tree of a cleaned text; raises Unreadable unless the whole of it is one answer."""
    grammar = _Grammar(tokens(text))
    node = grammar.items()
    grammar.expect_end()
    return node


class _Grammar(Terms):
    """Lists, relations, sets and brackets on top of sums and products."""

    def items(self) -> Node:
        """Read elements with separators between them: one alone is itself."""
        with self.deeper():
            found, kinds = [self.relation()], set[str]()
            while self.peek() in _SEPARATORS:
                while self.peek() in _SEPARATORS:
                    kinds.add(self.take().value)
                found.append(self.relation())
        if len(found) == 1:
            return found[0]
        words = kinds & {"or", "and"}
        return Node(words.pop() if len(words) == 1 and kinds <= {*words, ","} else "list", tuple(found))

    def relation(self) -> Node:
        """Read expressions or sets with relation signs between them."""
        parts = [self.sets()]
        while self.peek() in _RELATIONS:
            parts.append(Node("word", text=self.take().value))
            parts.append(self.sets())
        return parts[0] if len(parts) == 1 else Node("rel", tuple(parts))

    def sets(self) -> Node:
        """Read unions, intersections and differences, from left to right."""
        left = self.ratio()
        while self.peek() in _SETS:
            self.nest()
            left = Node(_SETS[self.take().value], (left, self.ratio()))
        return left

    def ratio(self) -> Node:
        """Read ``a : b`` as the quotient that it is, ``a : b : c`` as a list in proportion."""
        parts = [self.sum()]
        while self.peek() == ":":
            self.take()
            parts.append(self.sum())
        if len(parts) == 1:
            return parts[0]
        return Node("div", tuple(parts)) if len(parts) == 2 else Node("ratio", tuple(parts))

    def group(self, opening: str) -> Node:
        """Read what stands between brackets, of which the opening one has been taken."""
        if self.peek() in _CLOSING[opening]:
            closing = self.take().value
            return Node("set") if opening == "\\{" else self.bracket(opening, closing, Node("list"))
        if opening == "\\{" and self._condition_follows():
            return self._described()
        inside = self.items()
        closing = self.take()
        if closing.value not in _CLOSING[opening]:
            raise Unreadable("a bracket that is not closed")
        if opening == "\\{" or (opening == "{" and inside.op == "list"):
            return Node("set", inside.args if inside.op in ("list", "and") else (inside,))
        if opening == "{":
            return inside
        return self.bracket(opening, closing.value, inside)

    def _condition_follows(self) -> bool:
        coming = self._tokens[self._position : self._position + 2]
        return [coming[0].kind, coming[-1].value] in (["symbol", "|"], ["symbol", ":"])

    def _described(self) -> Node:
        r"""Read ``\{x | condition\}``, of which the condition says all."""
        self._position += 2
        condition = self.items()
        if self.take().value != "\\}":
            raise Unreadable("a bracket that is not closed")
        return condition

    @staticmethod
    def bracket(opening: str, closing: str, inside: Node) -> Node:
        """Return a tuple or an interval; brackets around one element only group."""
        if inside.op == "list":
            return Node("bracket", (Node("word", text=opening + closing), *inside.args))
        if opening + closing in ("()", "[]") and inside.op not in ("rel", "or", "and"):
            return inside
        if opening + closing == "()":
            return inside
        raise Unreadable("brackets that do not match")

    def matrix(self, kind: str) -> Node:
        """Read a matrix, of which the opening has been taken."""
        rows: list[Node] = []
        row: list[Node] = []
        while True:
            row.append(self.relation())
            token = self.take()
            if token.value == "&":
                continue
            rows.append(Node("row", tuple(row)))
            row = []
            ended = token == Token("end", kind)
            if token.value == "\\\\" and not ended:
                ended = self.skip(Token("end", kind))
            elif not ended:
                raise Unreadable("a matrix that does not end")
            if ended:
                break
        if len({len(each.args) for each in rows}) != 1:
            raise Unreadable("rows of different length")
        matrix = Node("matrix", tuple(rows))
        return Node("call", (Node("word", text="det"), matrix)) if kind.startswith("vmatrix") else matrix
