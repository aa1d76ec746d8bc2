"""References like those of MATH, OlympiadBench, CollegeMath and minerva_math, changed in one place or rewritten."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

# {a} … {d} are whole numbers, {p} a prime, {x} a letter.
TEMPLATES = [
    "{a}", "-{a}", r"\frac{{{a}}}{{{p}}}", r"-\frac{{{a}}}{{{p}}}", r"\dfrac{{{a}}}{{{p}}}", "{a}.{b}", r"{a}\%", r"{a}^\circ",
    r"{a}\sqrt{{{p}}}", r"\frac{{{a}\sqrt{{{p}}}}}{{{b}}}", r"{a}+{b}\sqrt{{{p}}}", r"\frac{{{a}-\sqrt{{{p}}}}}{{{b}}}", r"\sqrt[3]{{{p}}}",
    r"{a}\pi", r"\frac{{{a}\pi}}{{{p}}}", r"{a}\pi-{b}", r"\frac{{{a}}}{{\pi}}", "e^{{{a}}}", r"\ln {p}", r"\log_{{{p}}} {a}", r"{a}\ln {p}-{b}",
    "{a}+{b}i", "{a}-{b}i", r"\frac{{{a}+{b}i}}{{{p}}}", "{a}^{{{p}}}", "{a}!", r"\binom{{{a}}}{{3}}", r"{p}^{{{a}}}-{b}", r"{a},\!{c}", "{a},{c}", r"\${a}", r"{a}_{{11}}",
    "{a}x+{b}", "{a}x^2-{b}x+{p}", r"({a}x-{b})({p}x+{d})", r"\frac{{{a}x}}{{x^2+{b}}}", r"\frac{{x-{a}}}{{x+{b}}}", "{a}x^3y^{p}", r"x^{{{p}}}e^{{{a}x}}",
    r"{a}\sin({b}x)", r"{a}\cos {b}x-{p}\sin {b}x", r"\tan^{{-1}}\frac{{{a}}}{{{p}}}", r"\frac{{1}}{{{a}}}\ln|{b}x+{p}|+C", r"\frac{{x^{p}}}{{{p}}}+C",
    r"C_1e^{{{a}x}}+C_2e^{{-{b}x}}", r"\frac{{n(n+{a})}}{{{p}}}", r"{a}^{{n-1}}", r"\lfloor\frac{{n+{a}}}{{{p}}}\rfloor", r"(-1)^n\cdot {a}", r"{a}\cdot {p}^{{n}}-{b}", r"n{a}^{{n-1}}", r"\frac{{n!}}{{{a}}}",
    "({a},{b})", "(-{a},{b},{p})", r"\left(\frac{{{a}}}{{{p}}},-{b}\right)", "({a},{b}),({p},{d})", "{a},{b},{p}", r"\{{{a},{b},{p}\}}", "{a},{a},{b}", r"\pm {a}", r"{a}\pm\sqrt{{{p}}}",
    "[{a},{c}]", "(-{a},{b}]", r"(-\infty,{a})\cup({c},\infty)", r"[-{a},\infty)", r"({a},{c})\setminus\{{{d}\}}",
    "x>{a}", r"x\le -{a}", r"-{a}<x\le {b}", r"x\ge \frac{{{a}}}{{{p}}}", r"x<-{a}\text{{ or }}x>{b}", r"y\ne {a}",
    "x={a}", "x={a},y={b}", "a={a},b={b},c={p}", "x={a}\\text{{ or }}x={b}", "y={a}x-{b}", "{a}x+{b}y={c}", "x^2+y^2={c}", r"\frac{{x^2}}{{{a}}}+\frac{{y^2}}{{{b}}}=1", "(x-{a})^2+(y+{b})^2={c}", "f(x)={a}x+{b}", "f'(x)={a}x^2", "f({a})={b}", "y''+{a}y={b}", "P(X>{a})={b}", r"P(0)e^{{{a}t}}", "f({a})",
    r"{a}^{p}={c}", r"\sqrt{{{a}}}\approx {b}.{d}", r"{a}\pi\approx {c}", r"x\equiv {d}\pmod{{{c}}}", r"AB\perp CD", r"{a}:{p}", "{a}:{b}:{p}", "4:{c}",
    r"\begin{{pmatrix}} {a} & -{b} \\ {p} & {d} \end{{pmatrix}}", r"\begin{{pmatrix}} {a} \\ -{b} \\ {p} \end{{pmatrix}}", r"\begin{{bmatrix}}\frac{{{a}}}{{{p}}}&{b}\\0&{d}\end{{bmatrix}}", r"\begin{{cases}}{a}x&x>{b}\\{p}&x\le {b}\end{{cases}}",
    r"{a}\text{{ cm}}", r"{a}\text{{ cm}}^2", r"{a} km/h", r"{a}.{b}\text{{ m/s}}^2", r"{a} minutes", r"\pi r^2h", r"\frac{{{a}}}{{{p}}}\pi r^3", r"\frac{{{a}mv^2}}{{{p}r}}", r"\sqrt{{{a}gh}}", r"{a}\sqrt{{\frac{{L}}{{g}}}}", r"\frac{{{a}m_1m_2}}{{r^{p}}}", "{a}xyz", "{a}abc-{b}a", r"x^{{{a}/{p}}}", r"{a}\sqrt{{x^{p}}}",
    r"\ln\frac{{{a}x}}{{y}}", r"\log_{p}({a}x)", r"k\pi+\frac{{\pi}}{{{p}}},k\in\mathbb{{Z}}", r"\sum_{{k=1}}^{{{a}}}k^2", r"|x-{a}|", r"{a}.\overline{{{d}}}", r"{a} \times 10^{{{p}}}", r"\vec{{a}}\cdot {a}", r"{a}\hat{{i}}-{b}\hat{{j}}", r"\angle ABC={a}^\circ", "ABCD", r"a_{{n+{d}}}", r"a_n={a}n-{b}",
]  # fmt: skip
PRIMES = [2, 3, 5, 7]


def references(count: int, rng: random.Random) -> list[str]:
    """Return distinct references, as many of each template as it takes."""
    found: dict[str, None] = {}
    while len(found) < count:
        for template in TEMPLATES:
            a, b = rng.sample([number for number in range(2, 30) if number not in (4, 9, 16, 25)], 2)
            numbers = {"a": a, "b": b, "c": rng.randint(100, 999), "d": rng.randint(1, 9), "p": rng.choice(PRIMES)}
            if "4:" in template:
                numbers["c"] = rng.randint(10, 59)
            text = template.format(**numbers)
            found.setdefault(text)
    return list(found)[:count]


def changed(text: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    """Yield kinds of change, and the text changed in one place."""
    digits = [match.start() for match in re.finditer(r"\d", text)]
    for index in rng.sample(digits, min(2, len(digits))):
        digit = rng.choice([other for other in "123456789" if other != text[index]])
        yield "digit", text[:index] + digit + text[index + 1 :]
    signs = [match.start() for match in re.finditer(r"(?<![a-zA-Z{(^])[+-](?!\s*\\infty)", text)]
    if signs:
        index = rng.choice(signs)
        yield "sign", text[:index] + ("-" if text[index] == "+" else "+") + text[index + 1 :]
    elif not text.startswith("-"):
        yield "sign", f"-{text}"
    numbers = list(re.finditer(r"\d+", text))
    if len(numbers) > 1:
        first, second = sorted(rng.sample(numbers, 2), key=lambda match: match.start())
        if first[0] != second[0]:
            yield (
                "order",
                (
                    text[: first.start()]
                    + second[0]
                    + text[first.end() : second.start()]
                    + first[0]
                    + text[second.end() :]
                ),
            )
    brackets = [
        match.start() for match in re.finditer(r"(?<!\\left)(?<![A-Za-z'])[\[(](?=[-\d\\])|(?<=[\dy])[\])]", text)
    ]
    if brackets and re.match(r"[\[(]", text):
        index = rng.choice(brackets)
        yield "bracket", text[:index] + {"(": "[", "[": "(", ")": "]", "]": ")"}[text[index]] + text[index + 1 :]
    if r"\sqrt{" in text:
        yield "root", text.replace(r"\sqrt{", "{", 1)
    elif numbers:
        number = rng.choice(numbers)
        yield "root", text[: number.start()] + rf"\sqrt{{{number[0]}}}" + text[number.end() :]
    for sign, other in ((r"\le ", "<"), (r"\ge ", ">"), (">", r"\ge "), ("<", r"\le "), (r"\ne", "="), (r"\perp", r"\parallel"),
                        (r"\equiv", "="), ("=", "<")):  # fmt: skip
        if sign in text and "cases" not in text:
            yield "relation", text.replace(sign, other, 1)
            break
    if "^2" in text:
        yield "power", text.replace("^2", "^3", 1)
    elif match := re.search(r"[a-zA-Z](?![a-zA-Z_({'^])$", text):
        yield "power", f"{text}^2"
    if (
        "," not in text
        and "=" not in text
        and not re.search(r"[<>:]|\\le|\\ge|\\ne|\\text|\\cup|km|min|\\equiv|\\perp|\\approx|cases", text)
    ):
        yield "factor", f"2({text})"
        yield "factor", rf"\frac{{{text}}}{{3}}"
        yield "summand", f"{text}+1"
    parts = text.split(",")
    if len(parts) > 1 and "(" not in text and "[" not in text and "!" not in text and r"\in" not in text:
        yield "element", ",".join(parts[:-1]) + (r"\}" if text.endswith(r"\}") else "")
        yield "element", text[: len(text) - len(r"\}")] + r",97\}" if text.endswith(r"\}") else f"{text},97"
        yield "element", text[: len(text) - len(r"\}")] + f",{parts[1]}" + r"\}" if False else f"{text},{parts[-1]}"


UNICODE = ((r"\pi", "π"), (r"\infty", "∞"), (r"\cup", "∪"), (r"\le ", "≤ "), (r"\ge ", "≥ "), (r"\pm", "±"), ("-", "−"), (r"\cdot", "·"),
           (r"\approx", "≈"), (r"\equiv", "≡"), (r"\perp", "⊥"), (r"\in", "∈"), (r"^\circ", "°"), ("^2", "²"), (r"\times", "×"), (r"\angle", "∠"))  # fmt: skip


def rewritten(text: str) -> Iterator[tuple[str, str]]:
    """Yield kinds of rewriting, and the text rewritten without a change of what it says."""
    yield "box", rf"\boxed{{{text}}}"
    yield "dollars", f"${text}$"
    yield "box in dollars", rf"$\boxed{{{text}}}$"
    yield "brackets", rf"\({text}\)"
    yield "display", rf"\[{text}\]"
    yield "bold", f"**{text}**"
    yield "sentence", f"The final answer is ${text}$."
    yield "therefore", f"Therefore, the answer is {text}."
    yield "box in a sentence", rf"Thus, the final answer is $\boxed{{{text}}}$."
    yield "label", f"Answer: {text}"
    yield (
        "spaces",
        re.sub(r"(?<![\\{}A-Za-z\d.])([+=,<>])(?!\\)", r" \1 ", text)
        if not re.search(r"\d,\d{3}(?!\d)", text)
        else text,
    )
    yield "fractions", text.replace(r"\frac", r"\dfrac")
    yield "small fractions", text.replace(r"\frac", r"\tfrac")
    yield (
        "large brackets",
        re.sub(r"(?<!\\left)\(", r"\\left(", re.sub(r"(?<!\\right)\)", r"\\right)", text))
        if text.count("(") == text.count(")")
        else text,
    )
    plain = text
    for command, sign in UNICODE:
        plain = re.sub(re.escape(command) + ("(?![A-Za-z0-9])" if command[-1] != " " else ""), sign, plain)
    yield "Unicode", plain
    yield "roots", re.sub(r"\\sqrt\{(\d+)\}", r"√\1", text)
    yield "quotes", f'"{text}"'
    yield "display style", rf"\displaystyle {text}"
    yield "thin spaces", text.replace("+", r"\,+\,").replace("=", r"\;=\;")
