"""Grades the model that ships, and the nearest-question baseline beside it, on a file of questions with rules.

    python tests/builtin/grade.py                          the held-out questions: totals by group, never wording
    python tests/builtin/grade.py tests/builtin/dev.json --show    the development questions, with what failed

An item has a group, messages, perhaps tools, and a rule; every key of a rule must hold:

    any        the answer contains at least one of these, in any case
    all        it contains all of them
    only       it calls no method and names no verb of the workbench but these: "wb.search", ".pause"
    number     the last integer after the thinking block is this one
    json       without code fences it parses as an object of equal values; texts in any case
    tool, arguments    it calls this tool with equal arguments
    unknown    it contains "don't know" or "do not know"

Outside the groups greeting and unknown, "don't know" fails every rule.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
HELD_OUT = HERE / "questions.json"
DEVELOPMENT = HERE / "dev.json"
MODELS = "finding and keeping models"
GROUPS = ("greeting", "identity", "verb", "python", "arithmetic", "tool", "json", "followup", "unknown", MODELS)
MOST_TOKENS = 300

Item = dict[str, Any]
Answerer = Callable[[list[dict[str, Any]], list[dict[str, Any]] | None], str]


def spoken(answer: str) -> str:
    """The answer without its thinking block."""
    return answer.rpartition("</think>")[2].strip()


def says_unknown(text: str) -> bool:
    """Whether it says that it does not know."""
    text = text.lower().replace("\u2019", "'")
    return "don't know" in text or "do not know" in text


def named(text: str) -> set[str]:
    """The verbs of the workbench that it names, as ``wb.search``, and the methods that it calls, as ``.pause``."""
    return set(re.findall(r"\bwb\.\w+|\.\w+(?=\()", text.lower()))


def calls(answer: str) -> list[dict[str, Any]]:
    """The tool calls of an answer, those that parse."""
    found = []
    for block in re.findall(r"<tool_call>(.*?)</tool_call>", answer, re.DOTALL):
        try:
            found.append(json.loads(block))
        except ValueError:
            continue
    return found


def object_of(text: str) -> Any:
    """What the text parses to as JSON, its code fences taken off; ``None`` if it does not."""
    try:
        return json.loads(re.sub(r"^```\w*\s*|\s*```$", "", text.strip()))
    except ValueError:
        return None


def same(wanted: Any, got: Any) -> bool:
    """Equal as JSON values; texts in any case."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        return wanted.keys() == got.keys() and all(same(wanted[key], got[key]) for key in wanted)
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and all(map(same, wanted, got))
    if isinstance(wanted, str) and isinstance(got, str):
        return wanted.lower() == got.lower()
    return (type(wanted) is type(got) and bool(wanted == got)) or (_numbers(wanted, got) and bool(wanted == got))


def _numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def passes(item: Item, answer: str) -> bool:
    """Whether the answer meets every part of the item's rule."""
    rule, text = item["rule"], spoken(answer)
    if item["group"] not in ("greeting", "unknown") and says_unknown(text):
        return False
    integers = re.findall(r"-?\d+", text)
    checks = {
        "any": lambda: any(part.lower() in text.lower() for part in rule["any"]),
        "all": lambda: all(part.lower() in text.lower() for part in rule["all"]),
        "only": lambda: named(text) <= set(rule["only"]),
        "number": lambda: bool(integers) and int(integers[-1]) == rule["number"],
        "json": lambda: same(rule["json"], object_of(text)),
        "tool": lambda: any(
            call.get("name") == rule["tool"] and same(rule.get("arguments", {}), call.get("arguments"))
            for call in calls(answer)
        ),
        "unknown": lambda: says_unknown(text) == rule["unknown"],
        "arguments": lambda: "tool" in rule,
    }
    return all(checks[key]() for key in rule)


def grade(items: Iterable[Item], answer: Answerer, failed: Callable[[Item, str], None] | None = None) -> dict[str, int]:
    """How many items of each group pass; an assistant turn that an item leaves out is answered too."""
    right: Counter[str] = Counter()
    for item in items:
        messages: list[dict[str, Any]] = []
        reply = ""
        for i, message in enumerate(item["messages"]):
            messages.append(message)
            following = item["messages"][i + 1]["role"] if i + 1 < len(item["messages"]) else "user"
            if message["role"] in ("user", "tool") and following == "user":
                reply = answer(messages, item.get("tools"))
                messages.append({"role": "assistant", "content": spoken(reply)})
        good = passes(item, reply)
        right[item["group"]] += good
        if failed and not good:
            failed(item, reply)
    return {group: right[group] for group in GROUPS}


def model_answerer(folder: Path | None = None) -> Answerer:
    """The model that ships (or another folder's), greedy."""
    from mlx_lm import load, stream_generate

    import workbench.builtin

    model, tokenizer, *_ = load(str(folder or workbench.builtin.path()))

    def answer(messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None) -> str:
        prompt = tokenizer.apply_chat_template(messages, tools=tools, add_generation_prompt=True)
        ids = [r.token for r in stream_generate(model, tokenizer, prompt, max_tokens=MOST_TOKENS)]
        return str(tokenizer.decode([i for i in ids if i not in tokenizer.eos_token_ids]))

    return answer


def asked(messages: list[dict[str, Any]]) -> list[str]:
    """Words and pairs of words of all that the person said."""
    words = re.findall(r"\w+", " ".join(m["content"] for m in messages if m["role"] == "user").lower())
    return words + [f"{a} {b}" for a, b in pairwise(words)]


def baseline_answerer(questions: int = 20000, seed: int = 99) -> Answerer:
    """The answer of the training question that is nearest by TF-IDF, words and pairs of words."""
    from workbench.builtin import text

    stream = text.samples(seed, text.held_out_runs(HELD_OUT))
    samples = [next(stream) for _ in range(questions)]
    counts = [Counter(asked(list(sample.messages))) for sample in samples]
    seen = Counter(term for count in counts for term in count)
    idf = {term: math.log(questions / n) for term, n in seen.items()}
    postings: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
    for i, count in enumerate(counts):
        norm = math.sqrt(sum((n * idf[term]) ** 2 for term, n in count.items())) or 1.0
        for term, n in count.items():
            postings[term].append((i, n * idf[term] / norm))

    def answer(messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None) -> str:
        scores = np.zeros(questions)
        for term, n in Counter(asked(messages)).items():
            for i, weight in postings.get(term, ()):
                scores[i] += n * idf[term] * weight
        return samples[int(scores.argmax())].answer

    return answer


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", type=Path, nargs="?", default=HELD_OUT)
    parser.add_argument("--model", type=Path, help="a folder in place of the shipped model")
    parser.add_argument("--show", action="store_true", help="print what failed; refused for the held-out questions")
    options = parser.parse_args()
    held_out = options.questions.resolve() == HELD_OUT.resolve()
    if options.show and held_out:
        parser.error("The held-out questions are not shown.")
    items = json.loads(options.questions.read_text("utf-8"))

    def show(item: Item, reply: str) -> None:
        print(item["group"], [m["content"] for m in item["messages"]], "->", repr(reply[:150]))

    sizes = Counter(item["group"] for item in items)
    model = grade(items, model_answerer(options.model), show if options.show else None)
    baseline = grade(items, baseline_answerer())
    print(f"{'group':28}{'of':>5}{'model':>7}{'nearest':>9}")
    for group in GROUPS:
        print(f"{group:28}{sizes[group]:5}{model[group]:7}{baseline[group]:9}")
    print(f"{'all':28}{len(items):5}{sum(model.values()):7}{sum(baseline.values()):9}")


if __name__ == "__main__":
    main()
