"""Training text: what is in the notebook goes to a model and back: one intent for each thing a person may want to do.

The form is that of `workbench.builtin.text_verbs`: (goals for the shared wraps, whole phrasings, answer).
"""

# ruff: noqa: E501  (one phrasing a line, however long)
from __future__ import annotations

CONTEXT: dict[str, tuple[str, str, str]] = {
    "attach": (
        """
        [attach|send|give|show|hand] [a dataframe|my dataframe|a table|a file|a pdf|my data|a document|a text file|a csv] [to the model|to a model|to the chat|along|with my question|]
        [ask|talk|chat] about [my data|a dataframe|my dataframe|a table|a file|this file|my csv]
        [put|drop|paste|add] [a file|a table|data|an attachment] [into the chat|into a message|in the composer]
        """,
        """
        attach
        attachments
        chat.attach
        attach a file
        send a dataframe
        can the model see my data
        can you see my dataframe
        files in the chat
        remove an attachment
        """,
        'Use `chat.attach()`, or drop a file into the chat; it goes with the next message:\n\n```python\nchat.attach(df)\nchat.send("What stands out?")\n```',
    ),
    "image": (
        """
        [send|attach|show|give] [an image|a picture|a photo|a figure|a plot|a matplotlib figure|a chart|a screenshot] [to the model|to a model|to the chat|]
        [ask|talk] about [an image|a picture|a figure|a plot]
        """,
        """
        images
        vision
        send a picture
        can a model see my plot
        attach a figure
        """,
        "`chat.attach()` takes figures, images and paths; the model must be one that can see:\n\n```python\nchat.attach(fig)\n```",
    ),
    "traceback": (
        """
        [send|show|give|explain|ask about] [the last error|my error|a traceback|the last traceback|an exception|the last output|the output of a cell] [to the model|to the chat|]
        [have|let] a model explain [an error|my error|a traceback|the last exception]
        """,
        """
        explain my error
        last traceback
        send the error to the model
        send the last output
        what went wrong in my cell
        """,
        "Attach what happened last, then ask; the paperclip of the chat has **Last error** and **Last output**:\n\n```python\ntry:\n    1 / 0\nexcept ZeroDivisionError as error:\n    chat.attach(error)\n```",
    ),
    "tools": (
        """
        [give|hand|offer|pass] [a model|the model|a chat|it] [a tool|tools|a function|functions|a python function|my own function]
        [let|have] [a model|the model|it] [call|use|run] [a function|my function|my functions|python|tools|a tool]
        [use|add|define|write|register] [a tool|tools|function calling|tool calling|a function as a tool]
        """,
        """
        tools
        tool calling
        function calling
        chat.tools
        chat.tool
        call my function
        agents
        can a model run my code
        """,
        'A Python function becomes a tool; you allow each call:\n\n```python\n@chat.tool\ndef add(a: int, b: int) -> int:\n    "Add two numbers."\n    return a + b\n```',
    ),
    "allow_tool": (
        """
        [allow|permit|approve|refuse|forbid] [a tool|a tool call|a function call|what a model runs|tools]
        """,
        """
        is it safe that a model runs functions
        who allows a tool call
        may a model run things by itself
        tool permission
        """,
        'Nothing runs until you allow it: once, always in this chat, or never. In code: `chat.allow("add")`.',
    ),
    "modes": (
        """
        [change|choose|set] [the mode|the mode of a chat|ask mode|act mode|edit mode]
        """,
        """
        chat.mode
        ask act edit
        modes
        what is edit mode
        what is act mode
        """,
        'A chat has three modes: "ask" talks only, "act" may call tools, "edit" answers with cells:\n\n```python\nchat.mode = "act"\n```',
    ),
    "schema": (
        """
        [get|have|want|ask for|force] [json|valid json|structured output|an object|a python object|a dataclass|a pydantic model|fields] [from a model|as an answer|back|]
        [give|use|enforce] [a schema|a json schema|a pydantic model|a dataclass] [for the answer|for an answer|]
        [extract|pull] [fields|data|structured data|values] from [text|a text|a document]
        """,
        """
        schema
        json schema
        structured output
        pydantic
        reply.value
        answer as an object
        json mode
        """,
        'Give `schema=` and read `.value`:\n\n```python\nreply = wb.ask("Name a city", schema=City)\nreply.value\n```',
    ),
    "magic": (
        """
        [use|load|have|get] [the magic|magics|the cell magic|the ask magic|cell magics|a magic command]
        [ask|prompt] [a model|from a cell|] [with|by] [a magic|%%ask|a cell magic]
        """,
        """
        %ask
        %%ask
        what does %%ask do
        magic
        magics
        cell magic
        is there a magic
        load_ext workbench
        """,
        "Load the magics once, then begin a cell with `%%ask`:\n\n```\n%load_ext workbench\n%ask What is a token?\n```",
    ),
    "new_cell": (
        """
        [put|insert|paste|move|turn] [the code|a code block|code of an answer|the answer's code|an answer] [into a cell|in a new cell|into a new cell|into the notebook]
        """,
        """
        new cell
        code into a cell
        run the code of an answer
        insert the code below
        """,
        "Each code block of an answer has **New cell below**: it puts the code into a new cell, not run.",
    ),
    "to_python": (
        """
        [turn|export|convert|write] [a chat|the chat|a conversation|the conversation|it] [into|to|as] [python|a python script|code|a script]
        """,
        """
        chat as python
        export to python
        conversation as a script
        """,
        'Export it as Python; the script asks the same again:\n\n```python\nchat.export("talk.py")\n```',
    ),
    "chat_frame": (
        """
        [get|have|see|put|turn] [a chat|the chat|the messages|a conversation|my conversation] [as|into] [a dataframe|a frame|pandas|a table]
        """,
        """
        chat.to_frame
        messages as a dataframe
        conversation to pandas
        """,
        "`chat.to_frame()` has one row a message:\n\n```python\nchat.to_frame()\n```",
    ),
    "tokens_view": (
        """
        [see|show|get|inspect|view] [log-probabilities|logprobs|token probabilities|the tokens of an answer|how sure the model was|the alternatives of a token|other tokens]
        branch [at a token|from a token|at another token]
        """,
        """
        logprobs
        token probabilities
        reply.tokens
        how sure is the model
        token view
        perplexity of an answer
        """,
        'Ask with `logprobs=`; the answer\'s **Tokens** shows them shaded:\n\n```python\nreply = wb.ask("Hello!", logprobs=5)\nreply.tokens\n```',
    ),
    "secrets": (
        """
        [send|attach] [my keys|a key|my environment|os.environ|a password|a secret]
        """,
        """
        are my keys sent
        can a key leak
        do you send my environment variables
        """,
        "An object that holds a key is never sent: attaching it is refused, and the error says where the key lies.",
    ),
}
