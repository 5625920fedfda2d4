"""Training text: short Python answers in code blocks."""

# ruff: noqa: E501  (one phrasing a line, however long)
from __future__ import annotations

import random

from workbench.builtin.text import (
    ANIMALS,
    COLOURS,
    FRUIT,
    Maker,
    Sample,
    expand,
    fill,
    lines,
    made_up,
    person,
    vary,
    word_list,
    wording,
)

WHERE = (
    "",
    "",
    " in python",
    " in python",
    " in Python",
    " using python",
    " with python",
    " python",
    " in py",
    " in code",
)

# intent: (goals for the shared wraps, whole phrasings, code). {w} is a word to print, {n} a number, {f} a file name.
INTENTS: dict[str, tuple[str, str, str]] = {
    "print": (
        """
        [say|put|display|show] [hi|something|a greeting|words] on [the screen|screen]
        [print|output|display|show|write out] [text|something|a line|a message|a string|a sentence|words|a word|a value|to the screen|on the screen|to the console|some text]
        make python [say|print|write|show] [something|a text|words]
        write [to the terminal|to the console|to the screen|to stdout]
        """,
        """
        say hello with python
        put text on the screen
        print
        print statement
        print function
        how does print work
        the print function
        python hello world
        hello world program
        hello world in python
        smallest python program
        simplest python program
        my first python program
        output in python
        """,
        'print("Hello, world!")',
    ),
    "print_word": (
        """
        [print|output|display|show] {w}
        print the [word|text|string|message] {w}
        """,
        """
        python code that [prints|outputs|shows|displays] {w}
        [a|one] line of python that [prints|says] {w}
        python that prints the [word|text] {w}
        a program that [prints|writes|says|outputs] {w}
        script to print {w}
        write python [code |]to print {w}
        code printing {w}
        print("{w}") how
        """,
        'print("{w}")',
    ),
    "for": (
        """
        [do|repeat] something [a few times|n times|in a loop]
        [write|make|do|use|create|code] a [for loop|for-loop|loop|counting loop|loop over a range|for loop over a range|loop with range]
        [loop|iterate|count|go|run] [over a range|through numbers|over numbers|over a range of numbers|from zero to nine|through a range]
        [repeat|do|run] [something|a thing|an action|a line|code] [several times|ten times|many times|a number of times|again and again]
        [print|show] [the first ten numbers|all numbers up to ten|numbers in a loop|every number below ten]
        use range
        """,
        """
        loop a few times
        repeat code
        do something ten times
        for loop
        for loop?
        for loops
        forloop
        loop
        loop example
        range loop
        loop over range
        for loop example
        example of a for loop
        syntax of a for loop
        basic loop
        range function
        counting loop
        what does range do
        iterate numbers
        a loop that counts
        """,
        "for i in range(10):\n    print(i)",
    ),
    "for_n": (
        """
        [do|repeat|run] something {n} times
        [loop|count|iterate|run a loop|go|make a loop] [{n} times|from 0 to {n}|up to {n}|over range {n}]
        [print|show] [the first {n} numbers|numbers up to {n}|{n} numbers|the numbers below {n}]
        """,
        """
        loop {n} times
        repeat {n} times
        for loop with {n} [steps|rounds|iterations|turns]
        a loop that runs {n} times
        python loop {n} times
        for i in range {n}
        loop over range({n})
        for loop over range({n})
        """,
        "for i in range({n}):\n    print(i)",
    ),
    "for_list": (
        """
        [loop|iterate|go|run|walk] [over|through] [a list|the items of a list|every element|all elements|each item of a list|list items|the elements of a list]
        [print|show|visit|handle] [every|each] [item|element|entry] of a list
        """,
        """
        loop over a list
        iterate over list
        for each
        foreach
        for loop over a list
        list iteration
        each element one by one
        """,
        'for item in ["a", "b", "c"]:\n    print(item)',
    ),
    "function": (
        """
        [define|declare|write] [functions|a func|my own functions]
        [define|write|make|create|declare|code|build] [a|my own|a simple|a small|a new] [function|func|method]
        [define|write|create] functions
        use def
        [return|give back] a value from a function
        [write|make|create|define] a function [with arguments|with a parameter|with parameters|that takes arguments|that returns something|with a return value|that adds two numbers]
        """,
        """
        define functions
        how are functions defined
        how does one define functions
        reusable code
        function
        function?
        functions
        def
        def keyword
        the def statement
        function definition
        function syntax
        function example
        what is a function
        example of a function
        how does def work
        how are functions written
        simple function
        return value
        my own function
        """,
        "def add(a, b):\n    return a + b",
    ),
    "function_named": (
        "[write|define|make|create] a function [called|named] {w}",
        """
        a function [called|named] {w}
        python function [called|named] {w}
        function {w}
        define {w} as a function
        def {w}
        """,
        "def {w}(x):\n    return x",
    ),
    "read": (
        """
        [slurp|pull|suck|bring|take] [a text file|a file|file contents|a txt|text from disk] [into a variable|in|into a string|]
        [read|open|load|get|print|show] [a file|a text file|the content of a file|the contents of a file|text from a file|a txt file|a file's content|files|a file from disk|lines from a file|a file line by line|the lines of a file]
        [load|get|read] [a text|text|data] from [disk|a file|a text file]
        see what is [in|inside] a file
        """,
        """
        file into a variable
        file to string
        contents of a text file
        reading a txt
        read a txt
        read file
        read a file
        read text file
        open file
        open a file
        file reading
        reading files
        file input
        opening a text file
        load text from disk
        what is in my file
        get file contents
        """,
        'with open("notes.txt") as file:\n    text = file.read()\nprint(text)',
    ),
    "read_named": (
        "[read|open|load|show|print] [{f}|the file {f}|the content of {f}|the contents of {f}]",
        """
        read {f}
        open {f}
        open {f} and read it
        content of {f}
        what is in {f}
        """,
        'with open("{f}") as file:\n    text = file.read()\nprint(text)',
    ),
    "write": (
        """
        [dump|put|record|output|drop] [a string|text|results|something] [into|to|in] a [txt|file|text file|txt file]
        [write|save|store|put|dump] [a file|text to a file|something to a file|text in a file|a string to a file|to a file|a text file|text into a file|data to a file|my results to disk|a string to disk|lines to a file]
        [create|make] [a file|a text file|a new file|a txt file]
        [append|add] [text|a line] to a file
        """,
        """
        string into a txt
        dump text to disk
        text to a txt file
        write file
        write a file
        write text file
        write to file
        save to file
        save text
        save a string on disk
        file writing
        writing files
        file output
        create a text file
        put text in a file
        """,
        'with open("notes.txt", "w") as file:\n    file.write("Hello!")',
    ),
    "write_named": (
        "[write|save] [text|something|a string|a line] [to|into|in] {f}",
        """
        write to {f}
        save text as {f}
        create the file {f}
        make a file called {f}
        """,
        'with open("{f}", "w") as file:\n    file.write("Hello!")',
    ),
    "list": (
        """
        [make|create|build|define|write|declare|start] [a list|a python list|a list of numbers|a list of three items|an array|lists|an empty list|a list with items|a list of words]
        [add|append|put] [an item|something|an element|a value|things] to a list
        [store|keep|hold|put] [several|many|some] [values|items|numbers|things] [together|in a list|in one variable]
        """,
        """
        list
        list?
        make list
        create list
        new list
        list syntax
        list example
        example of a list
        what is a list
        lists in python
        python list
        array
        append
        append to list
        square brackets
        list literal
        """,
        "numbers = [3, 1, 2]\nnumbers.append(4)\nprint(numbers)",
    ),
    "sort": (
        """
        [order|arrange|sort] [a list|numbers|values] [from low to high|from high to low|from a to z|by value|upwards|downwards]
        [sort|order|arrange|rank] [a list|my list|numbers|a list of numbers|the list|items|words|a list of words|values|some numbers|an array|names|a list of names]
        [put|bring|get] [a list|numbers|items|words|my list|names] [in order|into order|in alphabetical order|in ascending order|from small to large|sorted]
        sort [in reverse|backwards|descending|ascending|alphabetically|by size]
        """,
        """
        list from low to high
        order a list
        order my numbers
        numbers in order
        low to high
        sort
        sort?
        sort list
        sorted
        sorting
        sorting a list
        sort numbers
        sorted list
        list sorting
        sort method
        sorted function
        smallest first
        alphabetical order
        my list is not in order
        ascending order
        """,
        'numbers = [3, 1, 2]\nnumbers.sort()\nprint(numbers)\nprint(sorted(["b", "a"]))',
    ),
    "reverse": (
        """
        [get|print|show|write] [a word|a string|text] [in reverse letters|with its letters reversed|mirrored]
        [reverse|invert|flip|turn around|mirror] [a string|a text|a word|text|my string|the letters of a word|the string|letters|strings|a name]
        [write|print|spell|get|show] [a string|a word|a text|text|a name] [backwards|in reverse|back to front|from the end|the other way round]
        """,
        """
        reverse letters
        reversed word
        word in reverse
        letters in reverse order
        mirror a word
        reverse string
        reverse a string
        string reverse
        reversed string
        string backwards
        word backwards
        backwards text
        reverse text
        text in reverse order
        last letter first
        flip text
        string reversal
        """,
        'text = "hello"\nprint(text[::-1])',
    ),
    "reverse_list": (
        "[reverse|flip|invert] [a list|the order of a list|my list|list order]",
        """
        reverse list
        list backwards
        list in reverse order
        """,
        "numbers = [1, 2, 3]\nnumbers.reverse()\nprint(numbers)",
    ),
    "len": (
        """
        [count|tell] [the things|the stuff|the entries|the items|items|entries] in [my list|a list|a collection]
        [get|find|compute|know|check|print|count|see|measure|determine] [the length|the size|the len] of [a list|my list|a string|an array|a text|a word]
        [count|find out|see|know] [how many items are in a list|the items of a list|elements|how many elements a list has|the elements of a list|the entries of a list|how long a list is|the number of items in a list]
        """,
        """
        count the things in a list
        count list entries
        how many things are in my list
        number of things in a list
        how many entries
        len
        len?
        length
        list length
        length of a list
        length of list
        length of a string
        len function
        size of a list
        number of items in a list
        number of elements
        how long is a list
        how long is my list
        how many items
        how many elements does a list have
        what does len do
        count elements
        """,
        "numbers = [3, 1, 2]\nprint(len(numbers))",
    ),
    "dict": (
        """
        [store|save|keep|look up] [phone numbers by name|prices by product|things by name|ages by name|numbers under names]
        [make|create|build|define|write|use|declare] [a dictionary|a dict|dictionaries|a python dictionary|a mapping|a map|a hash map|a lookup table|an empty dictionary|a key value store]
        [store|keep|map|save|hold] [keys and values|values by name|keys to values|pairs|names and ages|values under keys]
        [look up|get|find] a value by [key|name]
        [add|put] a key to a [dictionary|dict]
        """,
        """
        phone book
        things stored by name
        values by name
        lookup by name
        name to number table
        dict
        dict?
        dictionary
        dictionaries
        make dict
        create dictionary
        dictionary example
        dict syntax
        example of a dictionary
        what is a dictionary
        what is a dict
        key value pairs
        keys and values
        hash map
        mapping
        look up by key
        curly braces
        """,
        'ages = {"Anna": 31, "Ben": 27}\nprint(ages["Anna"])',
    ),
    "comprehension": (
        """
        [make|get|write] [squares|doubles|a list] in [a single line|one line|one go]
        [write|make|use|do|create] [a list comprehension|list comprehensions|a comprehension]
        [make|build|create|write] a list [in one line|from another list|of squares|of squares in one line|with a loop in one line|without a loop]
        [square|double|transform|convert] [every|each] [number|item|element] [of|in] a list
        [filter|pick] [items of a list|even numbers|elements from a list|the even numbers from a list]
        """,
        """
        squares in one line
        a list in a single line
        one-liner that builds a list
        single line loop
        squares of a list
        list comprehension
        list comprehension?
        comprehension
        comprehensions
        listcomp
        list comp example
        example of a list comprehension
        one line loop that makes a list
        what is a list comprehension
        squares of numbers as a list
        short way to build a list
        for inside brackets
        """,
        "squares = [n * n for n in range(10)]\nprint(squares)",
    ),
    "if": (
        """
        [do|run] [this or that|one thing or another|something or otherwise something else]
        [write|use|make|do|create] [an if|an if statement|an if else|if and else|if else|a condition|a conditional|a branch|a decision|if elif else]
        [check|test] [a condition|if a number is positive|if something is true|whether a number is big|if a number is even|a value]
        [compare|branch on] [two numbers|a value|values|a condition]
        [choose|decide] between two [cases|things|branches]
        do something only [if|when] a condition [is true|holds]
        """,
        """
        do this, otherwise that
        this or otherwise that
        check if something is true
        if something then something else
        otherwise
        when a condition holds do this
        if
        if else
        if else?
        if statement
        if-else
        if elif else
        elif
        else branch
        condition
        conditional
        conditions
        branching
        example of if else
        if syntax
        how does if work
        otherwise branch
        """,
        'if x > 0:\n    print("positive")\nelse:\n    print("not positive")',
    ),
    "import": (
        """
        [import|load|use|include] [a module|a library|modules|a package|the math module|math|a standard module|another file|a function from a module]
        """,
        """
        import
        import module
        import math
        imports
        import syntax
        import statement in python
        what does import do
        module import
        use of modules
        from import
        bring in a library
        square root function in the math module
        """,
        "import math\n\nprint(math.sqrt(2))",
    ),
    "try": (
        """
        [survive|get past|recover from|guard against] [a ValueError|an error|a crash|an exception|a KeyError|bad input]
        [catch|handle|deal with|treat|trap|avoid|survive|ignore] [an error|errors|an exception|exceptions|a crash|a ValueError|failures|a division by zero]
        [use|write|do|make] [try and except|try except|a try block|try|except|exception handling|error handling]
        [keep|prevent] [my program|a program|code|my script] [from crashing|running after an error|from failing]
        """,
        """
        ValueError
        catch ValueError
        keep going after an error
        avoid a crash
        what to do with errors
        error catching
        try
        try except
        try except?
        try/except
        try catch
        exceptions
        exception handling
        error handling
        handling errors
        except clause
        catching exceptions
        example of try except
        my code crashes, how do i catch that
        what does except do
        guard against errors
        """,
        'try:\n    number = int("abc")\nexcept ValueError as error:\n    print("Not a number:", error)',
    ),
    "fstring": (
        """
        [stick|get|drop|mix] [a variable|a value|my variable|a number] [in|into|inside] [a string|text|a message]
        [format|fill in|build|compose] [a string|strings|text|a message|a sentence] [with a variable|with variables|with values|from variables|]
        [put|insert|use|place|include|embed|print] [a variable|variables|a value|values|a name|an expression] [in|into|inside|within] [a string|a text|text|strings|a sentence]
        use [f-strings|an f-string|f strings|fstrings|a formatted string|string interpolation|string formatting]
        """,
        """
        variable in text
        put a variable in a string
        string with a variable
        value inside a string
        f-string
        fstring
        f string
        f-strings
        f string example
        string formatting
        format strings
        formatted string
        string interpolation
        variable inside text
        variable in a string
        what is an f-string
        example of an f-string
        text with a variable in it
        interpolation
        """,
        'name = "Anna"\nprint(f"Hello, {name}!")',
    ),
    "sum": (
        """
        [total up|tot up|sum up|tally] [a list|numbers|my numbers|a column|the values]
        [sum|add up|total|add together] [a list|a list of numbers|numbers|my list|all numbers|the numbers of a list|the values of a list|all the items|all elements|values]
        [get|compute|find|calculate|print] the [sum|total] of [a list|numbers|my list|all items|all numbers|several numbers|list elements|a list of numbers]
        """,
        """
        total up a list
        total of my numbers
        tally a list
        all numbers together
        sum
        sum?
        sum list
        sum of a list
        sum function
        total of a list
        total of all numbers
        list sum
        adding the numbers of a list
        add all elements
        what does sum do
        add up numbers
        """,
        "numbers = [3, 1, 2]\nprint(sum(numbers))",
    ),
    "join": (
        """
        [glue|paste|tie] [words|a list of words|strings|pieces] [with commas|with spaces|together|into one]
        [join|combine|concatenate|glue|merge|put together|connect|stick together] [strings|a list of strings|words|two strings|several strings|a list of words|texts|the words of a list|pieces of text|words with commas|strings with a comma]
        [turn|make|convert|transform] a list [of strings |of words |][into|to] [one string|a string|a text|a sentence|a comma separated string]
        """,
        """
        glue words
        words with commas
        words joined with commas
        one string from many
        join
        join?
        join strings
        string join
        join words
        join a list
        concatenate
        concat strings
        list to string
        words to a sentence
        comma separated text from a list
        glue words together
        string concatenation
        join method
        """,
        'words = ["red", "green", "blue"]\nprint(", ".join(words))',
    ),
    "while": (
        """
        [keep going|go on|repeat|count down] until [a counter is zero|a counter hits zero|it is done|a condition fails|zero]
        [write|make|use|do|create|code] [a while loop|a while-loop|while|while loops|an endless loop|an infinite loop]
        [repeat|loop|go on|run|continue] [until a condition is met|while a condition holds|as long as something is true|until something happens|until done|while something is true]
        """,
        """
        keep going until zero
        count down to zero
        repeat until it is false
        loop as long as
        while
        while?
        while loop
        while loops
        while loop example
        example of a while loop
        syntax of while
        how does while work
        loop until done
        loop with a condition
        endless loop
        countdown loop
        """,
        "n = 3\nwhile n > 0:\n    print(n)\n    n -= 1",
    ),
    "random": (
        """
        [throw|roll|cast] [a dice|a die|dice|two dice]
        [get|make|generate|create|pick|draw|choose|print|produce] [a random number|random numbers|a random integer|a number at random|a random value|some random number|a random int]
        [roll|throw|simulate] [a die|dice|a dice|a six sided die]
        [pick|choose|draw] [a random item|an item at random|a random element|something at random] [of a list|from a list|]
        [flip|toss] a coin
        use the random module
        """,
        """
        throw a dice
        roll a die
        random dice
        pick a random number
        coin flip
        something random
        random
        random?
        random number
        random numbers
        random integer
        random int
        randint
        random module
        random number generator
        dice roll
        dice
        random choice
        number at random
        a number between one and six, by chance
        """,
        "import random\n\nprint(random.randint(1, 6))",
    ),
    "date": (
        """
        [print|show|tell|display] [what day today is|what day it is|which day it is|the date of today|today's date]
        [get|print|show|find|know|display|output] [the current date|today's date|the date|the date of today|the current time|the time|the day|todays date|the current day]
        use [datetime|the datetime module|dates]
        [make|create|format] a date
        """,
        """
        print today's date
        print the current date
        what day is today, with python
        show today's date with python
        today's date as python code
        current date in python
        date in python
        today in python
        python date
        python datetime
        datetime
        datetime module
        datetime example
        today's date in python
        code for the current date
        code for the date of today
        which module gives the date
        python code for today's date
        date with python
        what is the date, in python code
        """,
        "from datetime import date\n\nprint(date.today())",
    ),
    "variable": (
        """
        [make|create|define|set|declare|assign|use] [a variable|variables|a value to a variable]
        """,
        """
        variable
        variables
        assignment
        what is a variable
        variable example
        store a number
        """,
        "x = 5\nprint(x)",
    ),
    "input": (
        """
        [ask|prompt] the user for [input|a name|a number]
        [read|get] [input|user input|keyboard input|a line from the user]
        """,
        """
        input
        input function
        user input
        keyboard input
        read from the keyboard
        """,
        'name = input("Your name? ")\nprint(name)',
    ),
    "class": (
        """
        [write|make|define|create] [a class|classes|an object|my own class]
        """,
        """
        class
        classes
        class example
        what is a class
        example of a class
        object oriented example
        """,
        "class Dog:\n    def __init__(self, name):\n        self.name = name",
    ),
    "comment": (
        """
        [write|make|add] [a comment|comments]
        comment out [a line|code]
        """,
        """
        comment
        comments
        comment syntax
        how are comments written
        """,
        "# This is a comment.\nx = 1",
    ),
    "split": (
        """
        [split|cut|divide] [a string|a text|a sentence|text|a line] [into words|at spaces|by comma|into parts|at commas|]
        [get|find] the words of a [sentence|text|string]
        """,
        """
        split
        split a string
        string split
        split text into words
        words of a sentence
        """,
        'words = "one two three".split()\nprint(words)',
    ),
    "upper": (
        """
        [make|turn|convert|change] [a string|text|a word|a text] [upper case|to upper case|into capitals|uppercase|lower case|to lower case|lowercase]
        """,
        """
        uppercase
        lowercase
        upper case
        capital letters
        string to upper case
        """,
        'text = "Hello"\nprint(text.upper(), text.lower())',
    ),
    "max": (
        """
        [find|get|print] [the largest number|the biggest number|the maximum|the smallest number|the minimum|the highest value] [of a list|in a list|]
        """,
        """
        max
        min
        maximum of a list
        minimum of a list
        largest number in a list
        smallest number in a list
        """,
        "numbers = [3, 1, 2]\nprint(max(numbers), min(numbers))",
    ),
}

FILES = word_list(
    """
    notes data report letter words log names todo book story numbers table config lines
    """
)
ENDINGS = ["txt", "txt", "txt", "csv", "md", "log", "json"]


def _intent(intent: str) -> Maker:
    goal_block, block, code = INTENTS[intent]
    goals, phrasings = lines(goal_block), lines(block)

    def make(rng: random.Random) -> Sample:
        text = wording(rng, phrasings, goals, WHERE)
        if "python" not in text.lower() and rng.random() < 0.3:
            text = rng.choice(("python: {t}", "python {t}", "in python, {t}", "{t}, python", "{t} (python)")).replace(
                "{t}", text
            )
        word = rng.choice((made_up(rng), rng.choice(ANIMALS), rng.choice(COLOURS), rng.choice(FRUIT), person(rng)))
        if intent == "print_word" and rng.random() < 0.5:
            word = rng.choice(("hello", "hi", "good morning", "welcome", "done", "ok", "yes")) + " " + word
        stem = rng.choice(FILES) if rng.random() < 0.6 else made_up(rng)
        values = {"w": word, "n": rng.randrange(2, 200), "f": f"{stem}.{rng.choice(ENDINGS)}"}
        text = fill(vary(rng, expand(rng, text)), values)
        answer = code if intent == "fstring" else fill(code, values)
        return Sample("python", intent, ({"role": "user", "content": text},), f"```python\n{answer}\n```")

    return make


def makers() -> list[Maker]:
    """One maker for each intent."""
    return [_intent(name) for name in INTENTS]
