"""Training text: what must be worked out and not looked up: sums, tool calls, JSON objects, follow-ups."""

# ruff: noqa: E501, RUF001  (one phrasing a line, however long; people do write the times sign)
from __future__ import annotations

import json
import random
from typing import Any

from workbench.builtin.text import (
    ANIMALS,
    COLOURS,
    FRUIT,
    Maker,
    Sample,
    expand,
    fill,
    made_up,
    person,
    place,
    vary,
    word_list,
)
from workbench.builtin.text_talk import UNKNOWN

ONES = word_list(
    """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen
    """
)
TENS = word_list(
    """
    zero ten twenty thirty forty fifty sixty seventy eighty ninety
    """
)

PLUS = """
{a} + {b}
{a} + {b}
{a}+{b}
{a} plus {b}
{a} + {b} =
{a}+{b}=?
{a} and {b} [|together|makes what|makes|is how much]
[what is|what's|whats|how much is|calculate|compute|work out|solve|tell me|do|find|give me] {a} [+|plus] {b}
[what is|what's|how much is|compute|find] the sum of {a} and {b}
sum of {a} and {b}
the sum of {a} and {b}
sum {a} and {b}
add {a} and {b}
add {a} to {b}
add {a} with {b}
[please |can you |could you ]add [|up |together ]{a} and {b}
[what do|what does] {a} and {b} [make|give|add up to|come to|sum to]
what do you get [if you add|when you add|by adding] {a} [and|to] {b}
what is {a} added to {b}
{a} added to {b}
increase {a} by {b}
{a} more than {b}
what is {b} more than {a}
[what is|what's] the total of {a} and {b}
total of {a} and {b}
[i have|she has|{name} has|there are|we have] {a} {things} and [get|gets|find|buy|add|receive] {b} more, how many [in all|now|are there|altogether|]
[i had|{name} had] {a} {things} and [got|found|bought|was given] {b} more. how many [now|in total|do i have]
{a} {things} and {b} more {things}, how many [|is that|in all|together]
{a} {things} plus {b} {things}
[one box|a basket|a bag] holds {a} {things} and another {b}, how many together
if i put {b} {things} to {a} {things}, how many are there
there are {a} people on a bus and {b} get on, how many
{a} people are in a room and {b} come in. how many are there
[my {animal}|{name}] is {a} years old, how old in {b} years
count {a} and {b} together
can you do {a} plus {b}
do you know {a} plus {b}
result of {a} + {b}
{a} with {b} on top
{b} on top of {a}
""".strip().splitlines()
MINUS = """
{a} - {b}
{a} - {b}
{a}-{b}
{a} minus {b}
{a} - {b} =
{a}-{b}=?
{a} less {b}
[what is|what's|whats|how much is|calculate|compute|work out|solve|tell me|do|find|give me] {a} [-|minus] {b}
[what is|what's|how much is|compute|find] the difference [between|of] {a} and {b}
difference of {a} and {b}
difference between {a} and {b}
subtract {b} from {a}
[please |can you |could you ]subtract {b} from {a}
take {b} [from|away from|off] {a}
take away {b} from {a}
{a} take away {b}
{b} less than {a}
what is {b} less than {a}
[what is|what's] left [if you take|when you take] {b} from {a}
[what is|what's] left of {a} after taking {b}
what remains [of|from] {a} [after taking|when i take] {b} [away|off|]
{a} without {b}
{a} reduced by {b}
[reduce|decrease|lower] {a} by {b}
remove {b} from {a}
how much more is {a} than {b}
how much is missing from {b} to {a}
[i have|she has|{name} has|there are|we have] {a} {things} and [eat|eats|lose|loses|sell|sells|give away|gives away|break] {b}, how many [are left|remain|now|left|]
[i had|{name} had] {a} {things} and [ate|lost|sold|gave away|broke|used] {b}. how many [are left|remain|do i have now|left]
{a} {things}, {b} are [gone|eaten|sold|lost], how many [are left|remain|left]
{a} {things} take away {b} {things}
out of {a} {things} {b} are bad, how many are good
there are {a} people on a bus and {b} get off, how many [are left|stay|]
{a} people are in a room and {b} leave. how many stay
can you do {a} minus {b}
do you know {a} minus {b}
result of {a} - {b}
""".strip().splitlines()
TIMES = """
{a} * {b}
{a} * {b}
{a}*{b}
{a} x {b}
{a}x{b}
{a} × {b}
{a} times {b}
{a} times {b}
{a} * {b} =
{a} x {b} = ?
[what is|what's|whats|how much is|calculate|compute|work out|solve|tell me|do|find|give me] {a} [*|x|times|multiplied by] {b}
[what is|what's|how much is|compute|find] the product of {a} and {b}
product of {a} and {b}
multiply {a} by {b}
multiply {a} and {b}
multiply {a} with {b}
[please |can you |could you ]multiply {a} [by|and|with] {b}
{a} multiplied by {b}
what do you get [if you multiply|when you multiply|by multiplying] {a} [and|by|with] {b}
{a} by {b}
what do {a} and {b} multiply to
{a} rows of {b} {things}, how many [|in all]
{a} [bags|boxes|packs|baskets] [with|of] {b} {things} each, how many [in all|are there|altogether|]
[i have|{name} has|there are] {a} [bags|boxes|packs|baskets] with {b} {things} [each|in each], how many {things}
[one costs|each costs|a ticket costs] {b} [dollars|euros], what do {a} cost
{a} weeks with {b} [days|lessons] each, how many
{a} lots of {b}
{a} groups of {b}
can you do {a} times {b}
do you know {a} times {b}
result of {a} * {b}
times table: {a} times {b}
""".strip().splitlines()
DOUBLE = """
double {b}
twice {b}
[what is|what's|how much is] [double|twice] {b}
what is the double of {b}
two times {b}
""".strip().splitlines()


TABLES = """
{k} table of {n}
the {k} table [of|for] {n}
[show|give|tell|write] [me |]the {k} table [of|for] {n}
{n} {k} table
""".strip().splitlines()


def words_of(n: int) -> str:
    """A number below 100 in words."""
    if n < 20:
        return ONES[n]
    return TENS[n // 10] + ("" if n % 10 == 0 else "-" + ONES[n % 10])


def steps_plus(a: int, b: int) -> str:
    """How it adds: ones, carry, tens."""
    ones = a % 10 + b % 10
    carry = ones // 10
    tens = a // 10 + b // 10 + carry
    return (
        f"{a} + {b}\n{a % 10} + {b % 10} = {ones}, write {ones % 10}, carry {carry}\n"
        f"{a // 10} + {b // 10} + {carry} = {tens}"
    )


def steps_minus(a: int, b: int) -> str:
    """How it subtracts: ones, borrow, tens."""
    borrow = int(a % 10 < b % 10)
    top = a % 10 + 10 * borrow
    return (
        f"{a} - {b}\n{top} - {b % 10} = {top - b % 10}, borrow {borrow}\n"
        f"{a // 10} - {b // 10} - {borrow} = {a // 10 - b // 10 - borrow}"
    )


def thought(a: int, b: int, sign: str) -> tuple[str, str]:
    """What it thinks and what it then answers."""
    if sign == "+":
        return steps_plus(a, b), f"{a} + {b} = {a + b}"
    if sign == "-":
        return steps_minus(a, b), f"{a} - {b} = {a - b}"
    return f"{a} * {b} = {a * b}", f"{a} * {b} = {a * b}"


def answer_of(rng: random.Random, a: int, b: int, sign: str) -> tuple[str, bool]:
    """The answer, and whether the prompt lets it think."""
    thinking, answer = thought(a, b, sign)
    if rng.random() < 0.08:
        return answer, False
    return f"<think>\n{thinking}\n</think>\n\n{answer}", True


def operands(rng: random.Random, sign: str) -> tuple[int, int]:
    """Two numbers of the range it knows."""
    if sign == "*":
        return rng.randrange(11), rng.randrange(11)
    high = rng.choice((10, 21, 100, 100, 100))
    a, b = rng.randrange(high), rng.randrange(rng.choice((10, high)))
    return (max(a, b), min(a, b)) if sign == "-" else (a, b)


def arithmetic_makers() -> list[Maker]:
    """Sums, differences and products, each with its steps."""

    def maker(sign: str, phrasings: list[str]) -> Maker:
        def make(rng: random.Random) -> Sample:
            a, b = operands(rng, sign)
            if phrasings is DOUBLE:
                a = 2
            text = expand(rng, rng.choice(phrasings))
            spoken = rng.random() < 0.2 and "-" not in text
            values: dict[str, object] = {
                "a": words_of(a) if spoken else a,
                "b": words_of(b) if spoken else b,
                "name": person(rng),
                "things": rng.choice(FRUIT),
                "animal": rng.choice(ANIMALS),
            }
            answer, thinking = answer_of(rng, a, b, sign)
            user = {"role": "user", "content": fill(vary(rng, text), values)}
            return Sample("arithmetic", sign, (user,), answer, thinking=thinking, plain=False)

        return make

    def table(rng: random.Random) -> Sample:
        """Many facts at once: what the sums stand on."""
        n, sign = rng.randrange(11), rng.choice("+-*")
        name = {"+": "addition", "-": "subtraction", "*": "[multiplication|times]"}[sign]
        text = vary(rng, expand(rng, rng.choice(TABLES))).replace("{k}", expand(rng, name)).replace("{n}", str(n))

        def fact(i: int) -> str:
            if sign == "-":
                return f"{i + n} - {n} = {i}"
            a, b = (i, n) if rng.random() < 0.5 else (n, i)
            return f"{a} {sign} {b} = {a + b if sign == '+' else a * b}"

        facts = [fact(i) for i in range(11)]
        if rng.random() < 0.6:
            text += rng.choice((" in any order", ", shuffled", " in no order"))
            rng.shuffle(facts)
        return Sample("arithmetic", "table", ({"role": "user", "content": text},), "\n".join(facts))

    plus, minus, times = maker("+", PLUS), maker("-", MINUS), maker("*", TIMES)
    return [plus, plus, plus, minus, minus, minus, times, times, maker("*", DOUBLE), table]


def _tool(rng: random.Random, name: str, description: str, parameters: dict[str, str]) -> dict[str, Any]:
    """A function's schema as the OpenAI shape has it, with or without descriptions."""
    properties: dict[str, Any] = {}
    for parameter, kind in parameters.items():
        properties[parameter] = {"type": kind}
        if rng.random() < 0.2:
            properties[parameter]["description"] = f"The {parameter}"
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if parameters and rng.random() < 0.8:
        schema["required"] = list(parameters)
    function: dict[str, Any] = {"name": name}
    if description and rng.random() < 0.85:
        function["description"] = description
    function["parameters"] = schema
    return {"type": "function", "function": function}


def _call(name: str, arguments: dict[str, object]) -> str:
    text = json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)
    return f"<tool_call>\n{text}\n</tool_call>"


CITY_ASKS = """
weather in {v}
weather {v}
{v} weather
[what is|what's|whats] the weather [like |]in {v}
[how is|how's|hows] the weather in {v}
is it [raining|cold|warm|sunny|snowing|hot|windy|wet] in {v}
will it rain in {v}
[tell|give] me the weather [in|for|of] {v}
[check|look up|get|find] the weather [in|for] {v}
do i need an umbrella in {v}
should i take a coat to {v}
how [hot|cold|warm] is it in {v}
temperature in {v}
forecast for {v}
i am going to {v}, what is the weather
i travel to {v}. how is the weather there
what should i expect from the sky in {v}
can you [check|find out] [how|what] the weather is in {v}
does it rain in {v} [now|today|]
{v} today, sunny or not
""".strip().splitlines()
ADD_ASKS = """
{a} + {b}
{a} plus {b}
add {a} and {b}
add {a} to {b}
[what is|what's|how much is|calculate|compute] {a} [+|plus] {b}
sum of {a} and {b}
[what is|find] the sum of {a} and {b}
[please |]add up {a} and {b}
use the tool to add {a} and {b}
[what do|what does] {a} and {b} make
how much is {a} and {b} together
total of {a} and {b}
""".strip().splitlines()
NOW_ASKS = """
[what|which] time is it
[what's|whats|what is] the time
time please
tell me the time
tell me the [current |]date
what [date|day] is it
what day is today
[what's|what is] the date [today|]
what is today's date
current time
current date
how late is it
date and time [please|]
do you [have|know] the time
give me the time [now|]
now
what time do we have
[check|look at] the clock
what does the clock say
""".strip().splitlines()
KNOWN = {
    "weather": ("get_weather", "get_weather", "get_weather", "weather", "current_weather", "fetch_weather"),
    "add": ("add", "add", "add", "add_numbers", "sum", "plus"),
    "time": ("now", "now", "now", "get_time", "current_time", "today"),
}
# name stems, description, argument stems, kind, wordings: tools beside the three, so that definitions are read.
OTHERS: tuple[tuple[str, str, str, str, str], ...] = (
    (
        "get_price|price_of|find_price",
        "Price of a thing",
        "item|product|thing|article",
        "thing",
        "price of {v}|what does {v} cost|how much is {v}|how expensive is {v}|find the price of {v}|cost of {v}",
    ),
    (
        "search|web_search|find|lookup",
        "Search for something",
        "query|text|term|words",
        "thing",
        "search for {v}|look up {v}|find {v}|google {v}|search {v}|find something about {v}|please search for {v}",
    ),
    (
        "get_population|population",
        "How many people live in a place",
        "city|place|town|location",
        "city",
        "population of {v}|how many people live in {v}|how many inhabitants has {v}|people in {v}",
    ),
    (
        "set_timer|start_timer|timer",
        "Start a timer",
        "minutes|duration|length",
        "int",
        "set a timer for {v} minutes|timer {v} minutes|start a timer of {v} minutes|wake me in {v} minutes|{v} minutes timer",
    ),
    (
        "roll_dice|roll|throw_dice",
        "Roll a die",
        "sides|faces|n",
        "int",
        "roll a die with {v} sides|roll a {v} sided die|throw a {v} sided dice|dice with {v} sides",
    ),
    (
        "play_song|play_music|play",
        "Play music",
        "title|song|artist|name",
        "thing",
        "play {v}|put on {v}|i want to hear {v}|play some {v}|start {v}|play the song {v}",
    ),
    (
        "send_message|message|notify",
        "Send a message to a person",
        "to|recipient|person|name",
        "person",
        "send a message to {v}|message {v}|write to {v}|text {v}|let {v} know|notify {v}",
    ),
    (
        "find_user|get_user|user_info",
        "Look up a person",
        "name|user|person|username",
        "person",
        "who is {v}|find the user {v}|look up {v}|show the profile of {v}|find {v}|info on {v}",
    ),
    (
        "local_time|time_in|clock",
        "Time in a city",
        "city|place|town|where",
        "city",
        "what time is it in {v}|time in {v}|local time in {v}|how late is it in {v}",
    ),
    (
        "open_door|unlock|lock_door",
        "Open a door",
        "door|room|name",
        "thing",
        "open the {v}|unlock the {v}|open {v} please",
    ),
    (
        "translate|to_french|dictionary",
        "Translate a word",
        "word|text|phrase",
        "thing",
        "translate {v}|how do you say {v} in french|translate the word {v}|{v} in french",
    ),
    (
        "set_light|light|switch_light",
        "Set the colour of the light",
        "colour|color",
        "colour",
        "make the light {v}|turn the light {v}|{v} light please|set the light to {v}|i want {v} light",
    ),
    (
        "square|square_of|power",
        "Square of a number",
        "x|n|number|value",
        "int",
        "square {v}|square of {v}|what is the square of {v}|{v} squared",
    ),
    (
        "find_hotel|hotels|book_hotel",
        "Hotels in a city",
        "city|place|location|town",
        "city",
        "hotels in {v}|find a hotel in {v}|where can i sleep in {v}|book a room in {v}|a bed in {v}",
    ),
)


def _thing(rng: random.Random, kind: str) -> object:
    if kind == "int":
        return rng.randrange(2, 500)
    if kind == "city":
        return place(rng)
    if kind == "person":
        return person(rng)
    if kind == "colour":
        return rng.choice(COLOURS)
    return rng.choice((rng.choice(ANIMALS), rng.choice(FRUIT), made_up(rng), f"{rng.choice(COLOURS)} {made_up(rng)}"))


def _known_tool(rng: random.Random) -> tuple[dict[str, Any], str, dict[str, object], str]:
    """One of the three tools: its schema, a question for it, the arguments, the name."""
    kind = rng.randrange(3)
    if kind == 0:
        name = rng.choice(KNOWN["weather"])
        parameter = rng.choice(("city", "city", "city", "location", "place", "town"))
        tool = _tool(
            rng,
            name,
            rng.choice(("The weather in a city", "Current weather for a city", "Get the weather")),
            {parameter: "string"},
        )
        value = place(rng)
        return tool, fill(vary(rng, expand(rng, rng.choice(CITY_ASKS))), {"v": value}), {parameter: value}, name
    if kind == 1:
        name = rng.choice(KNOWN["add"])
        first, second = rng.choice((("a", "b"), ("a", "b"), ("a", "b"), ("x", "y"), ("first", "second")))
        tool = _tool(
            rng,
            name,
            rng.choice(("Add two numbers", "Adds two numbers", "Sum of two numbers")),
            dict.fromkeys((first, second), rng.choice(("integer", "number"))),
        )
        high = rng.choice((10, 100, 1000, 10000))
        a, b = rng.randrange(high), rng.randrange(high)
        return tool, fill(vary(rng, expand(rng, rng.choice(ADD_ASKS))), {"a": a, "b": b}), {first: a, second: b}, name
    name = rng.choice(KNOWN["time"])
    tool = _tool(rng, name, rng.choice(("The current date and time", "Current time", "What time it is now")), {})
    return tool, vary(rng, expand(rng, rng.choice(NOW_ASKS))), {}, name


def _other_tool(rng: random.Random) -> tuple[dict[str, Any], str, dict[str, object], str]:
    names, description, parameters, kind, asks = rng.choice(OTHERS)
    name = rng.choice(names.split("|"))
    if rng.random() < 0.15:
        name += "_" + made_up(rng)
    parameter = rng.choice(parameters.split("|"))
    value = _thing(rng, kind)
    tool = _tool(rng, name, description, {parameter: "integer" if kind == "int" else "string"})
    return tool, fill(vary(rng, rng.choice(asks.split("|"))), {"v": value}), {parameter: value}, name


def _tools_around(rng: random.Random, tool: dict[str, Any] | None) -> tuple[dict[str, Any], ...]:
    tools = [] if tool is None else [tool]
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 2))):
        other = rng.choice((_known_tool, _other_tool))(rng)[0]
        used = {t["function"]["description" if "description" in t["function"] else "name"] for t in tools}
        mine = other["function"].get("description", other["function"]["name"])
        same_kind = any(_kind(t) == _kind(other) for t in tools)
        if mine not in used and not same_kind:
            tools.append(other)
    rng.shuffle(tools)
    return tuple(tools)


def _kind(tool: dict[str, Any]) -> str:
    """Which kind of tool it is, so that no two of a kind are offered at once."""
    name = str(tool["function"]["name"])
    for kind, names in KNOWN.items():
        if name in names:
            return kind
    return next((names for names, *_ in OTHERS if any(name.startswith(n) for n in names.split("|"))), name)


def tool_makers() -> list[Maker]:
    """Calls of the tools offered, answers after their results, and questions for which no tool fits."""

    def call(rng: random.Random) -> Sample:
        tool, text, arguments, name = (_known_tool if rng.random() < 0.65 else _other_tool)(rng)
        messages = ({"role": "user", "content": text},)
        return Sample("tool", "call", messages, _call(name, arguments), _tools_around(rng, tool), plain=False)

    def result(rng: random.Random) -> Sample:
        tool, text, arguments, name = (_known_tool if rng.random() < 0.8 else _other_tool)(rng)
        value, answer = _result(rng, tool, arguments)
        called = {"type": "function", "function": {"name": name, "arguments": arguments}}
        messages = (
            {"role": "user", "content": text},
            {"role": "assistant", "content": "", "tool_calls": [called]},
            {"role": "tool", "content": value},
        )
        return Sample("tool", "result", messages, answer, _tools_around(rng, tool), plain=False)

    def beside(rng: random.Random) -> Sample:
        from workbench.builtin import text_python, text_talk, text_verbs

        makers = rng.choice(
            (
                text_talk.greeting_makers,
                text_talk.unknown_makers,
                text_talk.identity_makers,
                text_verbs.makers,
                text_python.makers,
            )
        )()
        sample = rng.choice(makers)(rng)
        only = rng.choice(("send", "light", "door", "dice"))
        tools = tuple(
            t
            for t in _tools_around(rng, _tool(rng, f"{only}_{made_up(rng)}", f"For the {only}", {"x": "string"}))
            if sample.group != "unknown" or only in t["function"]["name"]
        )
        return Sample("tool", "beside", sample.messages, sample.answer, tools, plain=False)

    return [call, call, call, call, call, result, beside]


def _result(rng: random.Random, tool: dict[str, Any], arguments: dict[str, object]) -> tuple[str, str]:
    kind = _kind(tool)
    if kind == "weather":
        city = next(iter(arguments.values()))
        degrees, sky = (
            rng.randrange(-9, 40),
            rng.choice(("sunny", "cloudy", "rainy", "clear", "windy", "foggy", "snowy")),
        )
        value = rng.choice(
            (
                json.dumps({"city": city, "temperature": degrees, "sky": sky}, ensure_ascii=False),
                json.dumps({"temperature": degrees, "sky": sky}),
                f"{sky}, {degrees} degrees",
                f"{degrees} degrees and {sky}",
            )
        )
        return value, f"The weather in {city}: {sky}, {degrees} degrees."
    if kind == "add":
        total = sum(int(str(v)) for v in arguments.values())
        return str(total), f"The result is {total}."
    if kind == "time":
        value = f"{rng.randrange(2020, 2040)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
        value += f"{rng.choice(('T', ' '))}{rng.randrange(24):02}:{rng.randrange(60):02}"
        return value, f"It is {value}."
    value = rng.choice((made_up(rng), str(rng.randrange(1000)), f"{made_up(rng)} {made_up(rng)}", "ok", "done"))
    return value, f"The result is {value}."


JSON_WRAPS = """
[give|write|return|make|create|produce|show] [me |][a|the|some] json [object |]with {p}
json with {p}
json: {p}
json object with {p}
{p} as json
{p} in json
{p}, as json
{p} as a json object
{p}. json please
{p} -> json
[write|put|convert|turn|format|express|return|give|output] {p} [as|into|in|to] json
a json object [for|holding|containing] {p}
[please |]make json from this: {p}
make json out of {p}
[turn|convert|put] this into json: {p}
as json: {p}
as json please: {p}
[answer|reply|respond] [in|with|as] json: {p}
[describe|represent|encode] {p} as json
i need json with {p}
i want a json object with {p}
can you write {p} as json
json [that says|saying|which holds|holding] {p}
only json: {p}
structured output: {p}
give {p} back as json
extract json: {p}
""".strip().splitlines()
KEYS = word_list(
    """
    name age city country color colour price quantity title year email animal food job size weight height language score
    item product street number count status id user brand hobby team pet fruit town price total first last day month
    """
)
NUMERIC = {"age", "price", "quantity", "year", "size", "weight", "height", "score", "number", "count", "id", "total"}


def _json_value(rng: random.Random, key: str) -> object:
    if key in NUMERIC:
        return rng.randrange(1, rng.choice((20, 100, 100, 3000)))
    if key in ("city", "country", "town"):
        return place(rng)
    if key in ("color", "colour"):
        return rng.choice(COLOURS)
    if key in ("name", "user", "first", "last"):
        return person(rng)
    if key in ("animal", "pet"):
        return rng.choice(ANIMALS)
    return made_up(rng) if rng.random() < 0.6 else rng.choice((*FRUIT, *COLOURS, *ANIMALS))


def json_makers() -> list[Maker]:
    """JSON objects of what the person says."""

    def known(rng: random.Random) -> Sample:
        name, age, city, job = (
            person(rng),
            rng.randrange(1, 110),
            place(rng),
            rng.choice(("baker", "pilot", "nurse", made_up(rng))),
        )
        cases: tuple[tuple[str, dict[str, object]], ...] = (
            (
                "{name} is {age}|{name}, {age}|{name}, aged {age}|{name} who is {age} years old|name {name} and age {age}"
                "|name {name}, age {age}|name: {name}, age: {age}|the name {name} and the age {age}|{name} ({age})"
                "|my name is {name} and i am {age}|i am {name}, {age} years old|a person called {name} aged {age}"
                "|{name} is {age} years old|someone named {name}, {age} years of age|age {age} and name {name}|name={name} age={age}",
                {"name": name, "age": age},
            ),
            (
                "{name} from {city}|{name} lives in {city}|name {name} and city {city}|name {name}, city {city}|{name}, {city}"
                "|{name} who lives in {city}|my name is {name} and i live in {city}|the name {name} and the city {city}"
                "|city {city} and name {name}|{name} comes from {city}|a user {name} in {city}|name: {name}, city: {city}",
                {"name": name, "city": city},
            ),
            (
                "{name} is {age} and lives in {city}|{name}, {age}, {city}|name {name}, age {age}, city {city}|{name}, {age}, from {city}"
                "|{name} from {city} is {age} years old|name {name}, age {age} and city {city}|{name} ({age}) lives in {city}"
                "|my name is {name}, i am {age} and live in {city}|{name}, aged {age}, who lives in {city}",
                {"name": name, "age": age, "city": city},
            ),
            (
                "{name} is a {job}|name {name} and job {job}|{name} works as a {job}|{name}, {job} by trade",
                {"name": name, "job": job},
            ),
            ("city {city}|the city {city}|just the city {city}", {"city": city}),
            ("name {name}|the name {name}|just the name {name}|a person named {name}", {"name": name}),
        )
        said, value = rng.choice(cases[:3] if rng.random() < 0.8 else cases)
        return build(rng, rng.choice(said.split("|")), {"name": name, "age": age, "city": city, "job": job}, value)

    def pairs(rng: random.Random) -> Sample:
        keys = rng.sample(KEYS, rng.choice((1, 2, 2, 2, 3, 3)))
        if rng.random() < 0.2:
            keys[0] = made_up(rng)
        value = {key: _json_value(rng, key) for key in keys}
        shape = rng.choice(
            ("{k} {v}", "{k} {v}", "{k}: {v}", "{k} = {v}", "{k} is {v}", "{k}={v}", "the {k} {v}", "{k} set to {v}")
        )
        parts = [shape.replace("{k}", key).replace("{v}", f"{{{key}}}") for key in keys]
        glue = rng.choice((" and ", ", ", ", ", "; "))
        said = glue.join(parts) if len(parts) < 3 or glue != " and " else ", ".join(parts[:-1]) + " and " + parts[-1]
        return build(rng, said, value, value)

    def build(rng: random.Random, said: str, slots: dict[str, object], value: dict[str, object]) -> Sample:
        wrap = expand(rng, rng.choice(JSON_WRAPS))
        text = fill(vary(rng, wrap.replace("{p}", said)), slots)
        user = {"role": "user", "content": text}
        return Sample("json", "json", (user,), json.dumps(value, ensure_ascii=False))

    return [known, known, pairs]


ACKS = """
[ok|okay|alright|got it|noted|fine|sure|understood|good to know|great|nice|i see][.|!|]
[ok|noted|sure], [{v}|i will remember {v}|{v} it is].
pleased to meet you, {v}!
[hello|hi|welcome|nice to meet you][,|] {v}!
[I will remember|I noted|I have noted|I keep] [that|it|this|{v}].
{v}, [ok|good|nice|noted|great].
hello! how can i help you?
what can i do for you?
thank you for telling me.
that is [nice|good|interesting].
""".strip().splitlines()
# what is remembered: (kind, how it is told, how it is asked, the model's own first answer, its second answer)
FACTS: tuple[tuple[str, str, str, str, str], ...] = (
    (
        "person",
        "my name is {v}|i am {v}|i'm {v}|im {v}|call me {v}|you can call me {v}|hi, my name is {v}|hello, i am {v}|the name is {v}"
        "|people call me {v}|this is {v}|hello i'm {v}|my friends call me {v}|name's {v}|i go by {v}|hey, {v} here|please call me {v}"
        "|remember my name: {v}|let me introduce myself, i am {v}|my name's {v}, nice to meet you|i am called {v}",
        "what is my name|what's my name|whats my name|do you remember my name|who am i|do you know my name|say my name|my name?"
        "|what did i say my name was|how am i called|what am i called|tell me my name|and my name is|which name did i tell you"
        "|can you recall my name|so who am i|what was my name again|remember who i am|do you know who i am|repeat my name"
        "|how do people call me|what should you call me|i forgot my own name, what is it|what do i call myself",
        "Pleased to meet you, {v}!",
        "Your name is {v}.",
    ),
    (
        "colour",
        "my favourite colour is {v}|my favorite color is {v}|i like {v}|i love the colour {v}|{v} is my favourite colour|i prefer {v}"
        "|the colour is {v}|my car is {v}|my house is {v}|my bike is {v}|remember the colour {v}|i painted the door {v}|best colour is {v}",
        "what is my favourite colour|what's my favorite color|which colour do i like|which colour was it|what colour did i say"
        "|what colour is it|do you remember the colour|tell me the colour|which color|and the colour|what color was it again"
        "|my favourite colour?|which colour did i tell you|what colour do i prefer|name the colour",
        "I will remember: {v}.",
        "It is {v}.",
    ),
    (
        "number",
        "my favourite number is {v}|my lucky number is {v}|the number is {v}|remember the number {v}|remember {v}|keep {v} in mind"
        "|i am {v} years old|i'm {v}|my room number is {v}|the code is {v}|i have {v} books|think of the number {v}|note the number {v}"
        "|the secret number is {v}|my house number is {v}|store {v}|save the number {v}|my age is {v}|i picked {v}",
        "what is my favourite number|what was the number|which number was it|what number did i say|tell me the number|the number?"
        "|how old am i|what is the code|which number did i tell you|what's my lucky number|what was it|how many did i say"
        "|do you remember the number|and the number was|repeat the number|what is my room number|what number should you remember"
        "|recall the number|give me the number back|how many books do i have|what is my age|which number did i pick",
        "I will remember: {v}.",
        "It is {v}.",
    ),
    (
        "city",
        "i live in {v}|i am from {v}|i'm from {v}|my city is {v}|i come from {v}|my home is {v}|i was born in {v}|i am in {v}"
        "|i moved to {v}|i work in {v}|my town is {v}|next week i travel to {v}|my favourite city is {v}|greetings from {v}"
        "|home for me is {v}|i grew up in {v}|we are going to {v}|remember the city {v}|my office is in {v}",
        "where do i live|where am i from|what is my city|which city do i live in|what city did i say|which city was it|where am i"
        "|do you remember where i live|where do i come from|where was i born|tell me my city|my city?|what's my home town"
        "|in which city am i|what was my city again|where do i work|where am i going|which town do i live in|what is my favourite city"
        "|where did i grow up|what place did i name",
        "I will remember: {v}.",
        "It is {v}.",
    ),
    (
        "word",
        "remember the word {v}|the word is {v}|the password is {v}|the secret word is {v}|my dog is called {v}|my cat is called {v}"
        "|my dog's name is {v}|i have a dog named {v}|my favourite food is {v}|my favourite animal is the {v}|i like {v}|keep the word {v}"
        "|the magic word is {v}|my project is called {v}|my boat is called {v}|note the word {v}|my cat's name is {v}|my team is called {v}"
        "|our code word is {v}|my horse is named {v}|remember this: {v}|my favourite fruit is {v}|i bought a {v}",
        "what is the word|which word was it|what was the word|what's the password|what is the secret word|how is my dog called"
        "|what is my cat called|what's my dog's name|what is my favourite food|what do i like|what word did i say|repeat the word"
        "|do you remember the word|what was the magic word|which word should you remember|tell me the word|what did i tell you"
        "|what is the name of my dog|what is my favourite animal|how is my project called|what was it|name of my cat|what did i say"
        "|what was i telling you|which animal do i like|what is my boat called|what did i buy",
        "I will remember: {v}.",
        "It is {v}.",
    ),
)
THEN = """
[times|multiply by|multiply it by|multiply that by|now times|and times] {m}|*
[what is that|that|it|what's it|what is it|what is this] times {m}|*
[double|double it|double that|twice that|and twice|and doubled|what is the double|what is twice that|now double it|times two]|2
[plus|add|now add|and plus|then add|add another|what is that plus|that plus] {m}|+
add {m} [to it|to that|more|]|+
[{m} more|and {m} more|{m} more, please]|+
[minus|subtract|now subtract|less|take away|what is that minus|that minus|take off] {m}|-
[subtract|take] {m} [from it|from that|away]|-
[{m} less|and {m} less|now remove {m}]|-
""".strip().splitlines()


def followup_makers() -> list[Maker]:
    """Two-turn talks: something said before is asked back, or worked on."""

    def remember(rng: random.Random, asked: bool) -> Sample:
        kind, told, asks, first, second = rng.choice(FACTS)
        value: object
        if kind == "person":
            value = person(rng)
        elif kind == "colour":
            value = rng.choice(COLOURS) if rng.random() < 0.7 else made_up(rng)
        elif kind == "number":
            value = rng.randrange(rng.choice((10, 100, 10000)))
        elif kind == "city":
            value = place(rng)
        else:
            value = rng.choice((made_up(rng), rng.choice(ANIMALS), rng.choice(FRUIT), made_up(rng).capitalize()))
        tell = fill(vary(rng, rng.choice(told.split("|"))), {"v": value})
        if not asked:
            return Sample(
                "followup", f"tell_{kind}", ({"role": "user", "content": tell},), first.replace("{v}", str(value))
            )
        ack = first if rng.random() < 0.5 else expand(rng, rng.choice(ACKS))
        ack = ack.replace("{v}", str(value))
        ask = vary(rng, rng.choice(asks.split("|")))
        messages: list[dict[str, Any]] = [
            {"role": "user", "content": tell},
            {"role": "assistant", "content": ack[:1].upper() + ack[1:] if rng.random() < 0.7 else ack},
        ]
        if rng.random() < 0.15:
            messages += [
                {"role": "user", "content": rng.choice(("ok", "thanks", "good", "great", "hello", "nice"))},
                {"role": "assistant", "content": rng.choice(("You're welcome!", "Hello! How can I help you?", "Ok."))},
            ]
        messages.append({"role": "user", "content": ask})
        return Sample("followup", f"ask_{kind}", tuple(messages), second.replace("{v}", str(value)))

    def tell(rng: random.Random) -> Sample:
        return remember(rng, False)

    def ask(rng: random.Random) -> Sample:
        return remember(rng, True)

    def work_on(rng: random.Random) -> Sample:
        wish, sign = rng.choice(THEN).rsplit("|", 1)
        if sign in "*2":
            a, b = rng.randrange(11), 2 if sign == "2" else rng.randrange(11)
        else:
            a, b = operands(rng, sign)
        if rng.random() < 0.5:
            start = rng.randrange(a + 1)
            text = rng.choice(
                ("{p} + {q}", "what is {p} + {q}", "{p} plus {q}", "add {p} and {q}", "how much is {p} plus {q}")
            )
            before = vary(rng, text).replace("{p}", str(start)).replace("{q}", str(a - start))
            said = rng.choice(
                (f"{start} + {a - start} = {a}", f"{a}", f"That is {a}.", f"It is {a}.", f"The answer is {a}.")
            )
        else:
            before = (
                vary(
                    rng,
                    rng.choice(
                        (
                            "my number is {p}",
                            "i have {p}",
                            "take the number {p}",
                            "start with {p}",
                            "think of {p}",
                            "remember {p}",
                            "i have {p} {t}",
                            "the number is {p}",
                            "there are {p} {t}",
                            "let us begin with {p}",
                            "my favourite number is {p}",
                            "we have {p} {t}",
                            "note {p}",
                            "i bought {p} {t}",
                            "x is {p}",
                            "my age is {p}",
                        )
                    ),
                )
                .replace("{p}", str(a))
                .replace("{t}", rng.choice(FRUIT))
            )
            said = expand(rng, rng.choice((*ACKS[:2], "I will remember: {v}."))).replace("{v}", str(a))
        text = vary(rng, expand(rng, wish)).replace("{m}", words_of(b) if rng.random() < 0.2 and b < 20 else str(b))
        answer, thinking = answer_of(rng, a, b, "*" if sign in "*2" else sign)
        messages = (
            {"role": "user", "content": before},
            {"role": "assistant", "content": said},
            {"role": "user", "content": text},
        )
        return Sample("followup", "work_on", messages, answer, thinking=thinking, plain=False)

    def never_told(rng: random.Random) -> Sample:
        _, _, asks, _, _ = rng.choice(FACTS)
        return Sample(
            "unknown", "never_told", ({"role": "user", "content": vary(rng, rng.choice(asks.split("|")))},), UNKNOWN
        )

    return [ask, ask, ask, ask, tell, work_on, work_on, never_told]
