"""Whether two trees are equal in mathematics: the rules, and the questions that they leave to algebra."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise, starmap

from onethinker_rewards.metrics.math.equations import (
    Algebra,
    IsEqual,
    defined_name,
    difference,
    is_equal_equation,
    is_equal_statement,
    is_equation,
    is_point,
    is_statement,
    value_of,
)
from onethinker_rewards.metrics.math.families import is_same_solutions
from onethinker_rewards.metrics.math.names import renamings
from onethinker_rewards.metrics.math.tree import Node, rational, tolerance
from onethinker_rewards.metrics.math.units import Measure, as_letters, measure
from onethinker_rewards.metrics.math.words import NUMBER_WORDS

_COLLECTIONS = frozenset({"list", "or", "and", "set"})
_SETS = frozenset({"union", "intersection", "without", "space"})
_SHAPES = frozenset({"bracket", "set", "matrix", "list", "or", "and", "rel", "text", "ratio", "row"}) | _SETS
_INEQUALITY_SIGNS = frozenset({"<", ">", "<=", ">=", "!="})
_FLIPPED = {">": "<", ">=": "<="}
_GAP = Node("sym", text="...")
# Longer collections are compared in order, because matching takes quadratic time.
_MAX_MATCHED = 64


def is_equal_answer(predicted: Node, reference: Node, algebra: Algebra) -> bool:
    """Return whether an answer equals its reference, under some renaming of constants that may have any name."""
    wanted = without_retraction(reference)
    return (
        predicted == reference
        or any(is_equal(*pair, algebra) for pair in renamings(predicted, wanted))
        or is_same_solutions(_both_signs(predicted), _both_signs(wanted), algebra)
    )


def is_equal(predicted: Node, reference: Node, algebra: Algebra) -> bool:
    """Return whether two trees are equal.

    Every path to a verdict is in here. ``algebra`` answers what needs a computer algebra system. If it raises, the
    pair stays undecided, and the same call with another ``algebra`` gives the verdict.
    """
    # An answer whose words deny it equals nothing else. A reference is right whatever its words say.
    if predicted == reference or predicted.op == "retracted":
        return predicted == reference
    predicted, reference = _both_signs(predicted), _both_signs(without_retraction(reference))
    if reference.op not in _COLLECTIONS:
        predicted = _joined_measures(predicted)
    elif predicted.op not in _COLLECTIONS:
        reference = _joined_measures(reference)
    same = partial(is_equal, algebra=algebra)
    verdict = _is_equal_special(predicted, reference, same)
    if verdict is not None:
        return verdict
    predicted, reference = map(without_variable, (predicted, reference))
    if _describes_set(predicted) or _describes_set(reference):
        return _is_equal_set(predicted, reference, algebra)
    if predicted.op in _COLLECTIONS or reference.op in _COLLECTIONS:
        return _is_equal_collection(predicted, reference, same)
    if predicted.op == "rel" or reference.op == "rel":
        return is_equal_equation(predicted, reference, same, algebra)
    if _is_calculation(predicted, reference):
        return algebra("equal", predicted, reference)
    if predicted.op in _SHAPES or reference.op in _SHAPES:
        return _is_equal_shape(predicted, reference, same)
    return _is_equal_measure(predicted, reference, algebra)


def _is_calculation(predicted: Node, reference: Node) -> bool:
    """Return whether a side calculates with matrices; those alone are compared by element, also with a tuple."""
    by_element = {predicted.op, reference.op} - {"bracket"} == {"matrix"}
    return not by_element and (predicted.has("matrix") or reference.has("matrix"))


def _is_equal_special(predicted: Node, reference: Node, same: IsEqual) -> bool | None:
    """Compare what is no set, equation or value; None if both sides are."""
    ops = {predicted.op, reference.op}
    if "option" in ops:
        return _is_equal_option(predicted, reference, same)
    if "family" in ops:
        return _is_equal_family(predicted, reference, same)
    if _is_member(predicted) and _is_member(reference) and predicted.args[0] != reference.args[0]:
        return False
    predicted, reference = map(without_variable, (predicted, reference))
    if "text" in (predicted.op, reference.op):
        return _is_equal_text(predicted, reference, same)
    if "clock" in ops:
        return _is_equal_clock(predicted, reference, same)
    if is_statement(predicted) or is_statement(reference):
        return is_equal_statement(predicted, reference, same)
    return None


def without_retraction(node: Node) -> Node:
    """Return the mathematics of an answer whose words deny it."""
    return node.args[0] if node.op == "retracted" else node


def without_variable(node: Node) -> Node:
    """Return the set of ``x ∈ S``, and the coordinates of the point ``A(1, 2)``."""
    if _is_member(node) and len(node.args) == 3 and node.args[0].op == "sym":
        return node.args[2]
    if node.op == "mul" and len(node.args) == 2 and is_point(node.args[0]) and node.args[1].op == "bracket":
        return node.args[1]
    return node


def _is_member(node: Node) -> bool:
    return node.op == "rel" and node.args[1].text == "in"


def _both_signs(node: Node) -> Node:
    """Return the set of both cases of a ``±``, or of those of each element of a list."""
    if not node.has("pm", "mp"):
        return node
    if node.op in _COLLECTIONS:
        return node._replace(args=tuple(case for arg in node.args for case in _cases_of_sign(arg)))
    return Node("set", tuple(_cases_of_sign(node)))


def _cases_of_sign(node: Node) -> list[Node]:
    return [_with_sign(node, 1), _with_sign(node, -1)] if node.has("pm", "mp") else [node]


def _with_sign(node: Node, sign: int) -> Node:
    args = tuple(_with_sign(arg, sign) for arg in node.args)
    if node.op in ("pm", "mp"):
        return args[0] if (sign > 0) == (node.op == "pm") else Node("neg", args)
    return node._replace(args=args)


def _joined_measures(node: Node) -> Node:
    """Return "2 hours and 30 minutes" as a sum; two numbers with the same unit are a list."""
    if node.op not in ("and", "list"):
        return node
    terms = [measure(arg, letters=False) for arg in node.args]
    units = [(term.dimensions, term.scale) for term in terms if term is not None]
    is_sum = len(units) == len(terms) and all(unit[0] == units[0][0] for unit in units)
    return Node("add", node.args) if is_sum and len({scale for _, scale in units}) == len(units) else node


# Words, options, families.


def _is_equal_option(predicted: Node, reference: Node, same: IsEqual) -> bool:
    """Compare the letter of an option and its text, or the only one of them that the other side gives."""
    if predicted.op == reference.op:
        return predicted.args[0] == reference.args[0] and same(predicted.args[1], reference.args[1])
    option, other = (predicted, reference) if predicted.op == "option" else (reference, predicted)
    if is_point(other):
        return option.args[0] == other
    return same(option.args[1], other) if predicted is option else same(other, option.args[1])


def _is_equal_text(predicted: Node, reference: Node, same: IsEqual) -> bool:
    """Compare words with words; with anything else, words are the product of their letters."""
    if predicted.op == reference.op:
        return predicted.text == reference.text
    text, other = (predicted, reference) if predicted.op == "text" else (reference, predicted)
    if text.text in NUMBER_WORDS:
        return other == Node("num", text=str(NUMBER_WORDS.index(text.text)))
    if not text.args or other.op not in ("mul", "rel"):
        return False
    return same(text.args[0], other) if predicted is text else same(other, text.args[0])


def _is_equal_clock(predicted: Node, reference: Node, same: IsEqual) -> bool:
    """Compare two times of day, or one that does not say which half of the day it means with a ratio."""
    if predicted.op != reference.op:
        predicted, reference = (
            node.args[0] if node.op == "clock" and node.args else node for node in (predicted, reference)
        )
        return "clock" not in (predicted.op, reference.op) and same(predicted, reference)
    minutes = int(predicted.text) - int(reference.text)
    if not minutes or bool(predicted.args) == bool(reference.args):
        return not minutes
    open_time = predicted if predicted.args else reference
    return int(open_time.text) < 13 * 60 and minutes % (12 * 60) == 0


def _is_equal_family(predicted: Node, reference: Node, same: IsEqual) -> bool:
    r"""Compare families like ``k\pi, k \in \mathbb{Z}``: the domains if both have one, then the members."""
    if predicted.op == reference.op:
        return all(map(same, predicted.args, reference.args))
    family, other = (predicted, reference) if predicted.op == "family" else (reference, predicted)
    members, domain = family.args
    # Where one side says nothing about a letter it is any number, or any whole number.
    if domain.args[-1].op != "space":
        return False
    return same(members, other) if family is predicted else same(other, members)


# Sets and inequalities.


def _describes_set(node: Node) -> bool:
    return node.op in _SETS or _has_inequality(node)


def _has_inequality(node: Node) -> bool:
    return is_inequality(node) or (node.op in ("or", "and", "list") and any(map(is_inequality, node.args)))


def is_inequality(node: Node) -> bool:
    """Return whether a relation compares sizes, or excludes a value."""
    return node.op == "rel" and all(sign.text in _INEQUALITY_SIGNS for sign in node.args[1::2])


def inequalities(chain: Node) -> list[Node]:
    """Return the inequalities of a chain, each with ``<``, ``<=`` or ``!=``."""
    found: list[Node] = []
    for index in range(0, len(chain.args) - 2, 2):
        left, sign, right = chain.args[index : index + 3]
        if sign.text in _FLIPPED:
            left, sign, right = right, Node("word", text=_FLIPPED[sign.text]), left
        found.append(Node("rel", (left, sign, right)))
    return found


def _is_equal_set(predicted: Node, reference: Node, algebra: Algebra) -> bool:
    """Compare unions, intervals and inequalities: part by part if they have the same form, else as sets."""
    if predicted.op == reference.op == "union" and _is_matched(
        _union_parts(predicted), _union_parts(reference), lambda left, right: is_equal(left, right, algebra)
    ):
        return True
    if is_inequality(predicted) and is_inequality(reference):
        lefts, rights = inequalities(predicted), inequalities(reference)
        if len(lefts) == len(rights) and _is_matched(
            lefts, rights, lambda left, right: _is_equal_inequality(left, right, algebra)
        ):
            return True
    if _has_inequality(predicted) and _has_inequality(reference) and _variables(predicted) != _variables(reference):
        return False
    return algebra("set", predicted, reference)


def _union_parts(node: Node) -> list[Node]:
    return [part for arg in node.args for part in _union_parts(arg)] if node.op == "union" else [node]


def _variables(node: Node) -> set[str]:
    return {node.text} if node.op == "sym" else set[str]().union(*map(_variables, node.args))


def _is_equal_inequality(predicted: Node, reference: Node, algebra: Algebra) -> bool:
    """Compare two inequalities by their differences, which may have a positive factor between them."""
    sign = predicted.args[1]
    if sign != reference.args[1]:
        return False
    left, right = difference(predicted), difference(reference)
    return left == right or algebra("proportional" if sign.text == "!=" else "positive", left, right)


# Lists.


def _is_equal_collection(predicted: Node, reference: Node, same: IsEqual) -> bool:
    """Compare lists and sets in any order, but a list with a tuple, and values with named values, in order."""
    lefts, rights = _named_elements(predicted), _named_elements(reference)
    if any(value_of(element).has("sym", "apply") for element in lefts + rights):
        # A letter is no unit beside values with variables.
        lefts, rights = list(map(as_letters, lefts)), list(map(as_letters, rights))
    left_names, right_names = _names(lefts), _names(rights)
    if left_names and right_names:
        return _is_matched(lefts, rights, same)
    if _is_ordered(left_names) != _is_ordered(right_names):
        named, other = (lefts, reference) if _is_ordered(left_names) else (rights, predicted)
        # A set has no order that could tell which value has which name.
        if other.op not in ("list", "and", "bracket", "matrix"):
            return False
        values = list(map(value_of, _in_order_of_names(named)))
        others = list(other.args[1:]) if other.op == "bracket" else _named_elements(other)
        pairs = (values, others) if named is lefts else (others, values)
        return len(values) == len(others) and all(map(same, *pairs))
    for ordered, listed in ((predicted, rights), (reference, lefts)):
        if ordered.op == "bracket":
            elements = ordered.args[1:]
            pairs = (elements, listed) if ordered is predicted else (listed, elements)
            return (
                {predicted.op, reference.op} == {"bracket", "list"}
                and len(elements) == len(listed)
                and all(map(same, *pairs))
            )
    if left_names and not right_names:
        lefts = list(map(value_of, lefts))
    if right_names and not left_names:
        rights = list(map(value_of, rights))
    if len(lefts) != len(rights):
        # A set has each of its elements once, however often they are written.
        lefts = _distinct(lefts, same) if predicted.op == "set" else lefts
        rights = _distinct(rights, same) if reference.op == "set" else rights
    return _is_matched(lefts, rights, same)


def _named_elements(node: Node) -> list[Node]:
    """Return the elements of a collection; ``x = 1, 2`` names all of them, and ``(x, y) = (1, 2)`` is two equations."""
    if is_equation(node) and len(node.args) == 3 and node.args[0].op == node.args[2].op == "bracket":
        names, values = node.args[0].args[1:], node.args[2].args[1:]
        if len(names) == len(values):
            return [Node("rel", (name, node.args[1], value)) for name, value in zip(names, values, strict=True)]
    if node.op not in _COLLECTIONS:
        return [node]
    elements = list(node.args)
    first = elements[0] if elements else node
    if is_equation(first) and len(first.args) == 3 and defined_name(first) is first.args[0]:
        is_only_name = not any(element.op in ("rel", "mod") for element in elements[1:])
        if is_only_name:
            return [first, *(Node("rel", (*first.args[:2], element)) for element in elements[1:])]
    return _grouped(elements)


def _grouped(elements: list[Node]) -> list[Node]:
    """Return equations that give the same names values again and again as groups: ``x = 1, y = 2; x = 3, y = 4``."""
    names = _names(elements)
    size = len(set(names))
    groups = [elements[start : start + size] for start in range(0, len(elements), max(size, 1))]
    if size < 2 or len(groups) < 2 or any(set(_names(group)) != set(names) for group in groups):
        return elements
    return [Node("list", tuple(group)) for group in groups]


def _names(elements: Sequence[Node]) -> list[Node]:
    """Return the names of elements that are all equations that name something; none if they are not."""
    names = [defined_name(element) if is_equation(element) else None for element in elements]
    found = [name for name in names if name is not None]
    return found if len(found) == len(elements) else []


def _is_ordered(names: Sequence[Node]) -> bool:
    """Return whether values have different names, which tell them apart."""
    return len(names) > 1 and len(set(names)) == len(names)


def _in_order_of_names(equations: list[Node]) -> list[Node]:
    """Return equations in the order of their names if these follow each other in the alphabet, like x and y."""
    names = [name.text if name.op == "sym" else "" for name in _names(equations)]
    in_order = sorted(names)
    is_run = all(_follows(first, second) for first, second in pairwise(in_order))
    return [equations[names.index(name)] for name in in_order] if is_run else equations


def _follows(first: str, second: str) -> bool:
    """Return whether a letter or an index follows another: x and y, x_1 and x_2."""
    return first[:-1] == second[:-1] and bool(first) and ord(second[-1]) == ord(first[-1]) + 1


def _distinct(elements: list[Node], same: IsEqual) -> list[Node]:
    found: list[Node] = []
    for element in elements[:_MAX_MATCHED]:
        if not any(same(element, other) for other in found):
            found.append(element)
    return found


def _is_matched(lefts: Sequence[Node], rights: Sequence[Node], is_pair: IsEqual) -> bool:
    """Return whether each element has a partner of its own on the other side."""
    if len(lefts) != len(rights):
        return False
    # What is left out between dots depends on the order.
    if not lefts or len(lefts) > _MAX_MATCHED or (_GAP in lefts and _GAP in rights):
        return all(starmap(is_pair, zip(lefts, rights, strict=True)))
    partners = [[index for index, right in enumerate(rights) if is_pair(left, right)] for left in lefts]
    return all(partners) and _has_matching(partners)


def _has_matching(partners: list[list[int]]) -> bool:
    """Return whether each row can have one of its partners that no other row has."""
    taken: dict[int, int] = {}

    def find(row: int, tried: set[int]) -> bool:
        for partner in partners[row]:
            if partner not in tried:
                tried.add(partner)
                if partner not in taken or find(taken[partner], tried):
                    taken[partner] = row
                    return True
        return False

    return all(find(row, set()) for row in range(len(partners)))


# Tuples and matrices.


def _is_equal_shape(predicted: Node, reference: Node, same: IsEqual) -> bool:
    """Compare tuples, intervals, matrices and proportions, element by element."""
    if {predicted.op, reference.op} == {"matrix", "bracket"}:
        predicted, reference = _as_tuple(predicted), _as_tuple(reference)
    if predicted.op != reference.op or len(predicted.args) != len(reference.args):
        return False
    if predicted.op == "ratio":
        predicted, reference = _quotients(predicted), _quotients(reference)
    pairs = list(zip(predicted.args, reference.args, strict=True))
    if predicted.op == "bracket" and pairs.pop(0)[0] != reference.args[0]:
        return False
    return bool(pairs) and all(same(left, right) for left, right in pairs)


def _as_tuple(node: Node) -> Node:
    """Return a matrix of one column or one row as a tuple."""
    if node.op != "matrix" or (len(node.args) > 1 and len(node.args[0].args) > 1):
        return node
    elements = tuple(element for row in node.args for element in row.args)
    return Node("bracket", (Node("word", text="()"), *elements))


def _quotients(ratio: Node) -> Node:
    """Return the quotients of the parts of ``a : b : c`` and the first part."""
    return Node("ratio", tuple(Node("div", (part, ratio.args[0])) for part in ratio.args[1:]))


# Numbers and units.


def _is_equal_measure(predicted: Node, reference: Node, algebra: Algebra) -> bool:
    """Compare values; a unit counts only if both sides have one."""
    left, right = measure(predicted, letters=False), measure(reference, letters=False)
    if left is None and (right is not None or not reference.has("sym", "word", "apply")):
        left = measure(predicted, letters=True)
    if right is None and left is not None and left.dimensions.keys() - {"percent", "degree"}:
        right = measure(reference, letters=True) if predicted.has("word", "unit") else None
    letters = as_letters(predicted), as_letters(reference)
    if left is not None and right is not None:
        if left.dimensions == right.dimensions:
            return _is_equal_value(left.scaled(), right.scaled(), algebra)
        # "2mg" is two milligrams or a product.
        return letters[0].has("sym") and letters[1].has("sym") and _is_equal_value(*letters, algebra)
    if left is not None and not letters[1].has("sym", "apply"):
        return _is_equal_without_unit(left, predicted, reference, algebra)
    if right is not None and not letters[0].has("sym", "apply"):
        return _is_equal_without_unit(right, reference, predicted, algebra)
    if left is not None and right is None and predicted.has("word") and not predicted.has("unit"):
        return _is_equal_without_unit(left, predicted, reference, algebra)
    if right is not None and left is None and reference.has("word") and not reference.has("unit"):
        return _is_equal_without_unit(right, reference, predicted, algebra)
    return _is_equal_value(*letters, algebra)


def _is_equal_without_unit(measured: Measure, node: Node, bare: Node, algebra: Algebra) -> bool:
    """Compare a number with a unit, given as a measure and as a tree, with a number without."""
    if "percent" in measured.dimensions:
        # 50% is 50 as well as 1/2, but 0.5% is not 0.5.
        value = rational(bare)
        is_above_one = value is not None and abs(value) > 1
        return (is_above_one and _is_equal_value(measured.number, bare, algebra)) or _is_equal_value(
            node, bare, algebra
        )
    if _is_equal_value(measured.number, bare, algebra):
        return True
    # 60° is 60 as well as π/3.
    return "degree" in measured.dimensions and _is_equal_value(node, bare, algebra)


def _is_equal_value(left: Node, right: Node, algebra: Algebra) -> bool:
    if left == right:
        return True
    left_value, right_value = rational(left), rational(right)
    if left_value is None or right_value is None:
        return algebra("equal", left, right)
    allowed = tolerance(left, right)
    distance = abs(left_value - right_value)
    return distance < allowed if allowed is not None else not distance
