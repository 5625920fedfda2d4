"""Training text: how to use the workbench, one intent for each thing a person may want to do.

What a verb does is read from its docstring (`documented`), so the text follows the code.
"""

# ruff: noqa: E501  (one phrasing a line, however long)
from __future__ import annotations

import inspect
import random
import re

from workbench.builtin.text import (
    WRAPS,
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
from workbench.builtin.text_comparing import COMPARING
from workbench.builtin.text_context import CONTEXT
from workbench.builtin.text_keeping import KEEPING
from workbench.builtin.text_manager import MANAGER

WHERE = (
    "",
    "",
    "",
    "",
    " in the workbench",
    " with the workbench",
    " with wb",
    " here",
    " from a cell",
    " in my notebook",
)

# intent: (goals for the shared wraps, whole phrasings, answer). Answers are Markdown.
INTENTS: dict[str, tuple[str, str, str]] = {
    "chat": (
        """
        [bring up|pull up|pop up|get up|put on screen|display] [a chat|the chat box|a chat box|a chat panel|a conversation window|something to type into]
        [have|hold|keep|lead] a [real|proper|long|whole] conversation
        [speak|converse|chat] with [the llm|the ai|the assistant|a bot|the model] [back and forth|over several turns|interactively|in a window]
        [start|open|begin|launch|create|make|get|have] a [chat|conversation|new chat|dialogue|chat window|chat session]
        [start|open|begin|launch] chatting
        [talk|speak|chat|converse] [to|with] [a model|an llm|an ai|the model|a language model|the bot|somebody|you]
        [talk|chat] interactively
        have a [talk|conversation|longer conversation|back and forth|dialogue] with [a model|an ai|the model]
        [show|display|see|open|bring up|get|use] the chat [widget|box|window|panel|interface|ui]
        get a [box|window|panel|place] [to type in|where i can type|for typing messages|to write messages]
        [discuss|talk over] something with [a model|an ai]
        ask several questions in a row
        ask [a follow-up question|follow-ups]
        keep a conversation going
        chat
        """,
        """
        [i|we] [want|wanna|would like] to [chat|talk|converse]
        [lets|let's|let us] [talk|chat|have a conversation]
        chatting
        dialogue window
        type messages to the model
        several turns with a model
        is there a chat ui
        gui for talking to the model
        chat
        chat?
        chat window
        open chat
        start chat
        new chat session
        wb.chat
        what does wb.chat do
        what is wb.chat for
        chatting with a model, how
        where is the chat window
        i'd like to talk with a model
        which verb opens a conversation
        how does chatting work here
        a conversation please
        interactive session with a model
        can we have a dialog box
        """,
        "Call `wb.chat()`: it opens a chat in the notebook.\n\n```python\nimport workbench as wb\n\nchat = wb.chat()\nchat\n```",
    ),
    "chat_system": (
        """
        give the [bot|assistant|chat|ai|model] [a role|a personality|a job|an identity|standing orders|fixed instructions]
        [make|let|have] the [bot|assistant|chat|model] [play|act as|pretend to be|be] [a pirate|a teacher|a doctor|someone else|an expert]
        [define|set|fix] [how the model should behave|how the assistant speaks|the assistant's character|the role of the bot]
        [give|set|use|add|write|pass|define|change] [a|the|my own] system [prompt|message|instruction]
        [give|set] the model [a role|instructions|a persona|a personality|a character]
        [tell|instruct] the model [how to behave|who it is|to be a pirate|to be brief|to be polite|its role]
        make [the model|it] [behave|act|talk|answer] like a [pirate|teacher|lawyer|poet]
        [set|change] the [behaviour|tone|style|persona|character|role] of the [model|chat|assistant|answers]
        start a chat with [instructions|a system prompt|a role]
        make it always answer [briefly|in french|politely|in one line]
        """,
        """
        role for the whole chat
        instructions for the whole conversation
        the bot should always be polite
        the assistant should act as a lawyer
        persona
        role
        behave like a teacher
        set context for the assistant
        system prompt
        system prompt?
        system message
        where does the system prompt go
        where do i put the system prompt
        custom instructions
        custom instructions for the model
        is there a system parameter
        which argument holds the instructions
        role play with the model
        persona for the assistant
        """,
        'Give `system=` to `wb.chat()` or `wb.ask()`:\n\n```python\nchat = wb.chat(system="You are a kind teacher.")\n```',
    ),
    "send": (
        """
        [post|type|submit|push] [a message|something|a line|text] [to|into|in] the chat [via code|by code|through code|programmatically|from a script]
        send [a message|text|a question|something] [to the chat|to a chat|into the chat|from a cell|from code|from python]
        [send|post] a message [programmatically|by code|without typing in the widget|with python]
        [drive|control|script|automate] [the|a] chat [from code|from python|with code|from another cell]
        [write|say] something [into|in] the chat from [python|code|a cell]
        [add|put] a [message|question] to [an open|the running|an existing|the] chat [from code|]
        continue [the|a] [chat|conversation] from [code|python|a cell]
        use the chat [object|without the widget] [in python|from code|]
        """,
        """
        chat message via code
        post to the chat from a script
        message in the chat by code
        send from python
        programmatic chat
        chat.send
        what does chat.send do
        send a message from code
        scripting a chat
        message to the chat from python code
        how does send work
        can python send the message for me
        reply from chat in code
        the chat object, how do i post to it
        """,
        'Use `chat.send()`:\n\n```python\nchat = wb.chat()\nreply = chat.send("Hello!")\nprint(reply.text)\n```',
    ),
    "messages": (
        """
        [see|get|read|print|list|access|save|export|find|inspect] [all the|the|all|past|previous|earlier|old] messages
        [see|get|read|print|access|save|export|keep] the [transcript|history|conversation|chat log|dialogue] [of a chat|of the chat|]
        [get|read|print] the [last|latest|final|most recent] [answer|reply|message] [of the chat|of a chat|from the chat|]
        [know|look up|review] what was said [before|earlier|in the chat|]
        loop over the messages [of a chat|]
        """,
        """
        chat history
        transcript
        where is the transcript
        where are the messages
        where is my chat history kept
        history of the conversation as data
        what was said so far
        last answer
        chat.messages
        chat.last
        all messages as a list
        the conversation so far, as python objects
        """,
        "`chat.messages` holds the transcript, and `chat.last` the last reply:\n\n"
        "```python\nfor message in chat.messages:\n    print(message.role, message.text)\nprint(chat.last.text)\n```",
    ),
    "stop": (
        """
        [shut up|silence|pause] [the model|the bot|it]
        [kill|abandon|give up on] the [reply|answer|generation]
        [stop|cancel|abort|interrupt|halt|end|break off|kill] [an answer|the answer|a reply|the model|generation|generating|it|a run]
        [stop|cancel|abort|interrupt|halt] [an answer|the model|a reply|generation] [half way|while it is writing|midway|in the middle|early]
        make [it|the model] [stop|shut up|be quiet] [talking|writing|]
        [stop|cancel] a [long|slow|running] answer
        """,
        """
        [how to |]make it shut up
        i want it to stop
        it goes on and on
        stop generating
        cancel generation
        halt
        stop
        stop it
        stop button
        cancel
        it talks too much, make it stop
        it does not stop writing
        the answer is too long, cancel it
        abort the current answer
        interrupting a reply
        which key stops the answer
        """,
        "Press Escape or the Stop button in the chat, or call `chat.stop()`:\n\n```python\nchat.stop()\n```",
    ),
    "new_chat": (
        """
        [clear|empty|reset|wipe|erase|delete] [the|a|this|my] [chat|conversation|transcript|history|messages]
        [start over|start again|start afresh|begin anew|start from scratch]
        forget [everything|the conversation|what i said|the earlier messages]
        """,
        """
        clear
        clear chat
        reset chat
        wipe the conversation
        fresh start please
        make the chat empty
        forget all that
        clean slate
        """,
        "Call `chat.clear()`, or open another one with `wb.chat()`:\n\n```python\nchat.clear()\n```",
    ),
    "retry": (
        """
        [retry|regenerate|redo|repeat] [an answer|the answer|the last answer|a reply|the last reply|a failed answer]
        [try|ask|run] [the last question|it|the same question|the same message] [again|once more|a second time]
        get [another|a different|a new] answer [to the same question|]
        """,
        """
        retry
        regenerate
        try again
        regenerate the answer
        it failed, can i try again
        the answer failed
        second attempt at the same question
        """,
        "Call `chat.retry()`, or press Retry in the chat:\n\n```python\nreply = chat.retry()\n```",
    ),
    "chat_model": (
        """
        [chat|talk] [using|with|through] [some other|a new|that other|the bigger] model
        [choose|pick|select|switch|change|set|use] [a|the|another|a different] model [for the chat|of the chat|in the chat|for a chat|in a chat]
        [switch|change] [models|the model|to another model] [in the chat|in a running chat|during a chat|midway|while chatting|]
        [chat|talk|speak] [with|to] [another|a different|a certain|a particular|a bigger|my own] model
        start a chat with [a certain|another|a particular|the small|my] model
        """,
        """
        another model for my chat
        chat using a different model
        pick another model in the chat
        use a different llm in the chat
        other llm
        change model
        switch model
        model picker
        where do i choose the model
        which argument picks the model of a chat
        other model in this chat
        chat.model
        swap the model while i am chatting
        """,
        'Give `model=` to `wb.chat()`, or set `chat.model` later:\n\n```python\nchat = wb.chat(model="builtin")\n'
        'chat.model = "builtin"\n```',
    ),
    "ask": (
        """
        [fire|throw|shoot|pass] [a question|one question|a single question|a prompt|a query] [at|to] [the llm|the model|a model|an ai]
        get [one|a single|just one] [answer|reply|response] [in a script|without a gui|without a window|from python|for my script]
        [question|quiz] the [model|llm]
        [have|let] the model [answer|reply to|respond to] [a question|one thing|my question] [once|]
        [ask|put|send] [a|one|a single|just one|some|my] question
        [ask|put] [a|one|a single] question [to|of] [a model|the model|an llm]
        [ask|query|prompt|call|invoke|run] [a model|the model|an llm|the builtin model|an ai]
        [ask|query] [a|the] model [something|a thing|once|one thing|from code]
        get [one|a single|an|a quick] [answer|reply|response|completion] [from a model|from the model|from an llm|]
        [get|have] a question answered
        [send|run] [a|one|my] prompt
        [generate|produce|complete] [some |][text|a text|words]
        [use|call] [a model|the model] [in a script|from a script|from python|without a chat|without a widget|in my code|in a function]
        ask without [opening|starting] a chat
        one-shot [question|prompt]
        make the model answer [once|one question|a question]
        """,
        """
        one answer, no window
        one answer in a script
        only one reply is needed
        script that asks the model
        ask from python
        ask the llm something
        ask the ai
        call the llm
        prompt the model
        simple question to the llm
        function that answers a question
        query the model
        ask
        ask?
        wb.ask
        what does wb.ask do
        what is wb.ask for
        one question, one answer
        single question
        just one question without a chat window
        one off question
        question from python code
        text generation
        which verb asks a model
        which verb is for a single question
        i only have one question for the model
        no conversation, only one answer
        how does asking work
        a single completion
        quick answer from the model in code
        model call from a script
        """,
        'Call `wb.ask()` with your question:\n\n```python\nimport workbench as wb\n\nreply = wb.ask("What is a list?")\n'
        "print(reply.text)\n```",
    ),
    "ask_template": (
        """
        [feed|give|supply|inject|merge] [a text|my text|a column|my data|a file's text|a string|a table] [to|into] [the question|the prompt|the model|a question]
        [shorten|condense|boil down|abbreviate|recap|outline] [my notes|meeting notes|a long article|an email|my report|this document|a chapter] [with|using|with the help of] [the llm|the model|a model|ai]
        [have|let] the model [summarise|summarize|shorten|translate|check|rewrite|correct] [my text|a report|my email|a paragraph|some text]
        [put|insert|place|fill|use|pass] [a variable|variables|my text|my data|a value|values] [in|into|in to|inside] [a prompt|the prompt|my prompt|the question]
        [summarise|summarize|shorten|sum up|condense|digest] [a text|my text|a report|a document|my report|an article|a string|a long text|my notes]
        [translate|classify|rewrite|analyse|analyze|review|explain|proofread] [a text|my text|a string|a document|my report|an email|some text] [with a model|with the model|using a model|]
        [use|write|make|fill] [a template|a prompt template|templates|a placeholder|placeholders|prompt templates]
        ask about [a text|my text|a variable|my data|a document|the contents of a variable]
        [give|pass|hand] [a text|a variable|my data|a string|a document|data] to [the model|a model|ask]
        reuse [a|the same] prompt with [different|other|many|several] [texts|values|data]
        """,
        """
        summarize text
        summarise a document
        tl;dr of my text
        make a summary
        my own text in the prompt
        a variable in my question
        question about the contents of a variable
        text from a variable
        short version of a long text
        recap of my notes with the model
        use data in a prompt
        prompt template
        prompt with variables
        placeholders in a prompt
        curly braces in a prompt
        what do the braces in the prompt do
        fill in the blanks of a prompt
        template with a variable
        summary of a text
        summary of my report
        i have a text in a variable and want a summary
        i have a string called report, summarise it
        how does {text} work in a prompt
        can the prompt hold a variable
        same question for another text
        parametrised prompt
        """,
        "Write `{text}` in the prompt of `wb.ask()` and give it by name:\n\n"
        '```python\nreply = wb.ask("Summarise {text}", text=report)\n```',
    ),
    "max_tokens": (
        """
        [avoid|stop|prevent] [long|lengthy|endless|wordy|verbose] [answers|replies|output|texts]
        [make|keep] [answers|replies|it|the output] [less wordy|less verbose|more concise|concise|compact|shorter]
        [limit|restrict|cap|bound|shorten|reduce|control] [the length|the size|the number of tokens|the tokens|the output length] [of an answer|of the answer|of a reply|]
        [limit|restrict|cap|shorten|cut] [an answer|the answer|answers|the reply|the output|replies|what the model writes]
        [get|have|make|force] [a shorter answer|shorter answers|short answers|a short reply|the answer shorter|it shorter|less text|brief answers]
        [get|have|allow] [a longer answer|longer answers|more text|more tokens]
        set [the maximum number of tokens|max tokens|a maximum length|a length limit|a token limit|the token budget]
        [keep|make] the answer [short|brief|under a hundred tokens|within a limit]
        stop after [a hundred|fifty|some|a number of] tokens
        """,
        """
        [answers|replies|the output|it] [is|are|come out|gets] [too|far too|much too|way too] [long|lengthy|wordy|verbose]
        too wordy
        too verbose
        keep it short
        be more concise
        reply length
        size limit for the answer
        restrict the output
        max tokens
        max_tokens
        maximum length
        maximum length of the reply
        token limit
        answers are too long
        the answer is too long
        shorter answers please
        length of the answer
        how long may an answer be
        how many tokens may it write
        at most fifty tokens
        upper bound for the output
        it writes too much
        """,
        'Give `max_tokens=` to `wb.ask()` or `wb.chat()`:\n\n```python\nreply = wb.ask("What is a list?", max_tokens=50)\n```',
    ),
    "temperature": (
        """
        [make|get] [answers|the output|it|replies] [less wild|wilder|calmer|more sober|more imaginative|more predictable|less crazy]
        [set|change|lower|raise|adjust|control|use|choose|pass|turn up|turn down] [the|a] temperature
        [get|make|have] [answers|the model|it|the output] [more creative|less creative|more random|less random|wilder|more varied|more surprising|more boring|deterministic]
        [increase|reduce|lower|remove|turn off|control] [randomness|creativity|the randomness|variety|sampling]
        [use|switch to|get] greedy [decoding|sampling]
        always take the most likely [token|word]
        """,
        """
        less wild
        too wild
        more imagination
        be more creative
        the output is too crazy
        more predictable output
        more variety
        temperature
        temperature?
        temperature option
        creativity
        more creative answers
        less random please
        greedy decoding
        sampling temperature
        the answers are too random
        the answers are too boring
        what does temperature do
        """,
        'Give `temperature=` to `wb.ask()` or `wb.chat()`; 0 is greedy:\n\n```python\nreply = wb.ask("Say hello", temperature=0)\n```',
    ),
    "seed": (
        """
        [make|have] [every run|all runs|each run|two runs] [give|return|produce|yield] [the same|identical|equal] [text|answers|results|output]
        [set|fix|use|pass|choose|give] [a|the|a random] seed
        [get|have|make] [the same answer|the same answer twice|the same answer every time|repeatable answers|reproducible answers|reproducible results|the same output]
        [make|keep] [the output|answers|results|sampling|it|a run] [reproducible|repeatable|the same each time|stable|identical]
        repeat [an answer|a run] exactly
        reproduce [an answer|a result|a run|my results]
        """,
        """
        identical answers
        identical output each run
        same result every run
        repeatable output
        deterministic runs
        always the same answer
        fix the randomness
        seed
        seed?
        random seed
        reproducible results
        repeatable sampling
        the answer changes every time
        every time i get another answer
        same answer twice
        why is the answer different each time
        """,
        'Give `seed=` to `wb.ask()` or `wb.chat()`:\n\n```python\nreply = wb.ask("Say hello", seed=1)\n```',
    ),
    "stop_string": (
        """
        [use|set|give|pass|add] [a stop string|stop strings|a stop word|stop words|a stop sequence|stop sequences]
        [stop|end|finish|cut] [the answer|an answer|generation|generating|the output] [at|when it writes|after|on|before] [a word|a certain word|a string|a marker|a newline|a blank line|the first line|a full stop]
        make the model stop at a [word|string|certain text|newline|marker]
        """,
        """
        stop string
        stop strings
        stop sequences
        stop words
        the stop option
        end the answer at a marker
        cut at the first newline
        stop at a given word
        """,
        'Give `stop=` to `wb.ask()` or `wb.chat()`:\n\n```python\nreply = wb.ask("Write a list", stop=["###"])\n```',
    ),
    "options": (
        """
        [set|change|use|pass|see|know|list] [options|the options|generation options|parameters|sampling options|settings]
        [set|use] [top p|top_p|top k|top_k|min p|min_p|a repetition penalty|nucleus sampling]
        [avoid|stop|prevent|reduce] repetition
        [tune|adjust|configure] [generation|sampling|the model's output]
        """,
        """
        options
        which options are there
        what options does ask take
        which keywords does wb.ask take
        generation settings
        top_p
        top_k
        min_p
        repetition penalty
        it repeats itself
        parameters of ask
        list of the sampling options
        """,
        "`wb.ask()` and `wb.chat()` take the options {options}:\n\n"
        '```python\nreply = wb.ask("Say hello", temperature=0.7, top_p=0.9, max_tokens=50)\n```',
    ),
    "stream": (
        """
        [see|show|display|get] [words|text|the words|letters] [while it is generating|while it writes|as they are made|immediately|before it is finished|one after another]
        [stream|watch|see|print|show|get|read] [an answer|the answer|a reply|the reply|the output|the text|tokens|words|the response] [as it comes|while it is written|as it arrives|live|token by token|word by word|piece by piece|bit by bit|as it is generated|in real time|while it is being generated]
        stream [an answer|the answer|a reply|the output|tokens|text|a response|the result]
        iterate over [a reply|the answer|an answer|tokens|the pieces]
        [not wait|avoid waiting] for the [whole|full|complete] answer
        use streaming
        loop over [a reply|the pieces of an answer|the tokens]
        """,
        """
        words as they appear
        show text while generating
        see the answer grow
        print while it writes
        incremental output
        live answer
        output before it is done
        piece by piece
        streaming
        stream
        streaming?
        stream the reply
        live output
        token by token
        word by word output
        pieces of the answer as they come
        can i watch it write
        can i loop over the answer
        i do not want to wait until the end
        for loop over a reply
        partial answers
        generator of tokens
        """,
        'Iterate over the reply of `wb.ask()`:\n\n```python\nfor piece in wb.ask("Tell me a story"):\n    print(piece, end="")\n```',
    ),
    "ask_model": (
        """
        [ask|use|query|call|choose|pick|select|name|specify] [another|a different|a certain|a specific|a particular|a bigger|which] model [for one question|for a question|in ask|with ask|when asking|to answer]
        [ask|put a question to|send a prompt to] [another|a different|a certain|a specific|a particular|a remote|a local|the builtin] model
        tell ask which model to use
        """,
        """
        ask another model
        model for one question
        the model argument of ask
        which model does ask use
        choose the model when asking
        ask with a specific model
        """,
        'Give `model=` to `wb.ask()`:\n\n```python\nreply = wb.ask("Hello!", model="builtin")\n```',
    ),
    "reply_text": (
        """
        [get|take|read|use|save|store|keep|have|extract] [the text|the answer|the reply|the result|the output|the response] [as a string|as text|as a variable|in a variable|in a string|of an answer|of a reply]
        [turn|convert] [a reply|the answer|the reply] [into|to] [a string|text]
        [save|store|write|keep] [an answer|the answer|the reply|a reply|the response] [for later|to a variable|]
        [wait|block] [for|until] [the answer|an answer|a reply|it|the reply] [is finished|is done|to finish|is complete|]
        wait [for the result|with a time limit|with a timeout]
        """,
        """
        answer as a string
        string from a reply
        reply to text
        what is in a reply
        what does ask return
        what is a reply object
        reply.text
        reply.result
        where is the text of the reply
        how long does result wait
        """,
        "`reply.text` waits for the answer and gives it as a string; `reply.result(timeout)` waits at most so long:\n\n"
        '```python\nreply = wb.ask("Hello!")\ntext = reply.text\n```',
    ),
    "usage": (
        """
        [count|see|get|know|find|measure|check] [the tokens|how many tokens|token counts|the number of tokens|token usage|tokens used] [of an answer|i used|were used|a reply took|]
        [measure|see|know|check|get] [the speed|tokens per second|how fast it is|the time to first token|how long it took|the timing|performance] [of an answer|of the model|]
        """,
        """
        token count
        tokens used
        tokens per second
        how fast was the answer
        how fast is the model
        usage of a reply
        time to first token
        metrics
        reply.usage
        reply.metrics
        speed of generation
        """,
        'Look at `reply.usage` and `reply.metrics`:\n\n```python\nreply = wb.ask("Hello!")\nreply.result()\n'
        "print(reply.usage, reply.metrics)\n```",
    ),
    "reasoning": (
        """
        [see|read|get|show|hide|access] [the thinking|the reasoning|the thoughts|what the model thought|the chain of thought|the thinking block]
        [turn off|turn on|switch off|disable|enable|skip|avoid] [thinking|reasoning|the thinking]
        """,
        """
        reasoning
        thinking
        what did the model think
        where is the thinking
        no thinking please
        thinking off
        reply.reasoning
        """,
        "`reply.reasoning` holds the thinking; `thinking=False` asks for none:\n\n"
        '```python\nreply = wb.ask("What is 7 + 8?", thinking=False)\n```',
    ),
    "many": (
        """
        ask [many|several|a list of|multiple|a hundred|a bunch of] [questions|prompts|things] [at once|in a loop|]
        [run|send|process] [many|several|a list of|multiple|a batch of] [prompts|questions|texts|documents]
        apply [a prompt|a question|the model] to [a list|every row|many texts|each document|a column]
        """,
        """
        batch of questions
        loop over prompts
        many prompts
        questions in a list
        one prompt for each row
        """,
        "Loop over them with `wb.ask()`:\n\n```python\nfor question in questions:\n    print(wb.ask(question).text)\n```",
    ),
    "models": (
        """
        [list|show|see|check] [what's installed|what is installed|whats installed|everything installed|everything i have|all llms|my llms|the llms]
        [see|show|list|view] [everything|all] [i can|i could|that i can|one can] [pick|choose|use|run|select]
        [find out|see|tell] [which|what] [llms|ais|language models] [i have|i got|are here|are on here|exist here|there are]
        [list|see|show|print|get|display|view|find|know|check] [the|all|all the|my|available|the available|installed|local|usable|the list of] models
        [see|know|find out|check|learn|tell] [which|what] models [are there|i have|are available|exist|are installed|i can use|are here|are on this machine|are on my disk|are offered|can be used]
        [get|see|show] [a list|an overview|a table|the names|the ids] of [models|the models|all models|available models|the local models]
        [find|get|look up|know] [the id|the name|the size] of [a model|my model|a local model|the models]
        [see|check|know] [if|whether] a model is [there|installed|loaded|available|on this machine]
        [list|see|show] what [i can talk to|is installed|is available|the servers offer|i could use]
        """,
        """
        which [llms|ais|models] [have i got|do i have|are on here|are here|are there|are on this box]
        what [llms|ais|models] [have i got|are on here|are here|are on this box|can i pick]
        model names
        the names of all models
        list of llms
        llm list
        show models
        what can i pick
        what could i choose
        my models
        everything that is installed
        options for the model
        other models
        models
        models?
        list models
        model list
        available models
        which models
        which models are there
        what models do you have
        what models do i have
        what models can i use
        which models can i use
        which models are installed
        what llms are available
        what llms do i have
        installed models
        local models
        models on my disk
        models on this computer
        what is available
        which ones are on this machine
        all the models please
        wb.models
        what does wb.models do
        what is wb.models for
        names of the models
        which model ids are valid
        how many models are there
        which models can answer me
        is there another model on this machine
        where do i see what is installed
        got any other models
        what else could answer my questions
        an inventory of the models
        what have i got to choose from
        """,
        "Call `wb.models()`: one list of what is on this machine and what the servers offer.\n\n```python\nwb.models()\n```",
    ),
    "models_frame": (
        """
        [get|have|turn|put|convert] the [models|model list|list of models] [as|in|into|to] [a dataframe|a pandas dataframe|pandas|a data frame|a frame]
        [sort|filter] the [models|list of models] [by size|by name|with pandas]
        """,
        """
        models as a dataframe
        models in pandas
        dataframe of models
        model list to pandas
        """,
        "Call `.to_frame()` on `wb.models()`:\n\n```python\nframe = wb.models().to_frame()\n```",
    ),
    "connect": (
        """
        [hook up|wire up|join|attach|tie] [a server|my server|an endpoint|my own api|a model server|another computer]
        [connect|attach|link] [to|] [a server|my server|a remote server|an endpoint|an api|a url|an openai compatible server|another machine|a model server|my own server]
        [add|register|set up|configure|use|reach|join|include|plug in] [a server|my server|a remote server|an endpoint|an api|a remote model|an openai compatible server|a model server|vllm|jan]
        [use|reach|talk to|ask|chat with] [a model on another machine|a remote model|a model on a server|models of a server|a hosted model|a model that runs elsewhere|a model in the cloud]
        """,
        """
        hook up a server
        my own server
        server on my network
        a box in the office runs a model server
        external server
        use an api
        openai style api
        connect
        connect?
        remote server
        remote models
        remote model
        server url
        wb.connect
        what does wb.connect do
        what is wb.connect for
        openai compatible server
        endpoint
        base url
        where do i put the url of my server
        a server runs on another computer, how do i use it
        my server speaks the openai protocol
        use a model from elsewhere
        model on another machine
        vllm server
        which verb adds a server
        can it use other servers
        does it work with an openai compatible api
        """,
        "Call `wb.connect()` with the server's address and a name of your choice:\n\n"
        '```python\nwb.connect("http://localhost:8000/v1", name="server")\n```',
    ),
    "ollama": (
        """
        [hook|wire|plug|tie|link] [the workbench|it|wb|this] [up |in|]to [ollama|my ollama]
        [connect|link|attach|hook up] [to|with|] ollama
        [use|add|reach|set up|talk to|chat with|ask|get|run|register|work with] [ollama|ollama models|my ollama|a model from ollama|an ollama model|the ollama server|my ollama server|local ollama]
        """,
        """
        ollama server
        ollama is running, what now
        ollama is running
        running ollama locally
        get my ollama models in here
        llama from ollama
        ollama
        ollama?
        ollama please
        does it work with ollama
        is ollama supported
        i have ollama running
        i have ollama on this machine
        ollama runs on my laptop, how do i use it
        my ollama models
        llama3 from ollama
        which port for ollama
        ollama port
        ollama url
        where does ollama listen
        ollama address
        can wb see my ollama models
        make ollama show up
        models served by ollama
        """,
        'Ollama listens on port 11434:\n\n```python\nwb.connect("http://localhost:11434/v1", name="ollama")\n```\n\n'
        'Then name a model of it: `wb.chat(model="ollama:llama3.2")`.',
    ),
    "lmstudio": (
        """
        [hook|wire|plug|tie|link] [the workbench|it|wb|this] [up |in|]to [lm studio|lmstudio]
        [connect|link|attach|hook up] [to|with|] [lm studio|lmstudio|lm-studio]
        [use|add|reach|set up|talk to|chat with|ask|get|register|work with] [lm studio|lmstudio|lm studio models|my lm studio|a model from lm studio|the lm studio server|a model in lm studio]
        """,
        """
        lm studio is running, what now
        lm studio is running
        lm studio server
        running lm studio
        my lm studio models
        lm studio
        lmstudio
        lmstudio?
        does it work with lm studio
        is lm studio supported
        i have lm studio running
        lm studio is open on my mac, how do i use it
        which port for lm studio
        lm studio port
        lmstudio url
        where does lm studio listen
        models served by lm studio
        make lm studio show up
        """,
        'LM Studio listens on port 1234:\n\n```python\nwb.connect("http://localhost:1234/v1", name="lmstudio")\n```',
    ),
    "localai": (
        """
        [use|add|take] the [llama.cpp|localai] server [on my box|on my machine|on this box|of my computer|here]
        [connect|link|attach|hook up] [to|with|] [localai|local ai|llama.cpp|llama-server|llama cpp|a llama.cpp server]
        [use|add|reach|set up|talk to|chat with|ask|get|register|work with] [localai|local ai|a localai server|llama.cpp|llama-server|a llama.cpp server|the llama cpp server]
        """,
        """
        llama.cpp on my box
        llama.cpp is running
        localai on my machine
        a server of llama.cpp
        localai
        local ai
        llama.cpp
        llama-server
        llama cpp server
        does it work with localai
        does it work with llama.cpp
        i have a llama.cpp server running
        i have localai running
        localai port
        llama-server port
        which port for localai
        llama.cpp url
        """,
        'LocalAI and llama.cpp\'s server listen on port 8080:\n\n```python\nwb.connect("http://localhost:8080/v1", name="local")\n```',
    ),
    "key": (
        """
        [put|place|store|type] [my|the|an] [openai key|api key|key|secret key|token]
        [give|pass|set|use|provide|enter|add|hand over] [an api key|a key|my key|my api key|the api key|a token|a secret] [to a server|for a server|to connect|to an endpoint|to openai|for openai|]
        [connect|log in|authenticate|sign in] [to a server|to an endpoint|to an api|to openai|] with [a key|my key|an api key|a token|a password]
        [connect|link] [to|with] [openai|gemini|the openai api|google gemini|a paid api|gpt|chatgpt]
        use [openai|gpt|gemini|chatgpt|openai models|my openai key|the openai api|gpt-4]
        """,
        """
        got a key, where does it go
        i have an openai key
        i have a key
        openai key
        where does the openai key belong
        my key for the server
        i got an api key
        key parameter
        api key for a server
        where does the key go
        where do i put my api key
        where do i enter the key
        my server needs a key
        my server wants an api key
        the server asks for a key
        server with authentication
        openai
        openai models
        gemini
        secret token for the endpoint
        the server says unauthorized
        i get a 401
        """,
        'Give `key=` to `wb.connect()`:\n\n```python\nwb.connect("https://api.openai.com/v1", name="openai", key=key)\n```\n\n'
        "The key stays in Python; it is never written into the notebook.",
    ),
    "remote_use": (
        """
        [use|chat with|ask|name|pick|talk to] a model of a [connected server|server i connected|connected endpoint]
        [use|ask|chat with] a connected model
        """,
        """
        i have connected, what now
        i connected a server, how do i use its models
        connected, and then
        how are the models of a server named
        what is the id of a remote model
        model id of a server
        after connecting, how do i chat
        """,
        "A model of a server is named `server:model`:\n\n"
        '```python\nwb.models()\nwb.ask("Hello!", model="ollama:llama3.2")\n```',
    ),
    "unload": (
        """
        [throw|push|toss|chuck] [the llm|the model|it|that model] [out|out of memory|out of ram]
        [get|take|have|win] [my|the|some] [gigabytes|memory|ram|space|megabytes] back
        [release|let go of|give up] [the model|the llm|it|a model]
        [unload|evict|drop|eject|release|remove|close|discard|shut down] [a model|the model|models|all models|the loaded model|a loaded model|it from memory]
        [free|release|clear|get back|reclaim|save|empty|regain] [memory|the memory|ram|my ram|the ram|gpu memory|some memory|memory used by a model|space in memory|vram]
        [remove|take|throw|kick|get|put] [a model|the model|it] [out of memory|from memory|out of ram|from ram|off the gpu|out]
        stop [using|wasting] [memory|ram]
        [end|close|finish] [the|a] model process
        get rid of [a loaded model|the model in memory|the model]
        """,
        """
        ram is full
        ram nearly full
        memory nearly full
        i need my ram
        i need more memory
        the llm eats my memory
        done with the model
        finished with the model, release it
        release the model
        clean up memory
        gigabytes back
        too little memory
        unload
        unload?
        unload model
        unload the model
        wb.unload
        what does wb.unload do
        what is wb.unload for
        free memory
        free ram
        memory full
        my memory is full
        out of memory
        i am running out of memory
        too much ram in use
        it uses too much memory
        it eats all my ram
        the model takes too much memory
        i am done with the model
        i don't need the model any more
        model no longer needed
        give me my memory back
        memory back please
        how is memory given back
        which verb frees memory
        my laptop is slow because of the model
        close the model
        kick it out of memory
        """,
        "Call `wb.unload()`: it ends the model's process and frees its memory.\n\n```python\nwb.unload()\n```",
    ),
    "import": (
        """
        [import|load|use|start using|begin with|start with] [the workbench|workbench|wb|this library|this package|the package]
        """,
        """
        import workbench
        import statement
        what do i import
        how is the package called
        first line of a notebook
        what is wb
        where does wb come from
        name wb is not defined
        which import do i need
        """,
        "```python\nimport workbench as wb\n```",
    ),
    "what": (
        "",
        """
        workbench
        workbench?
        what's workbench
        what is wb for
        what am i looking at
        whats this tool
        what is this tool
        what is the workbench
        what is workbench
        what's the workbench
        what is this workbench [about|for|good for]
        tell me about the workbench
        explain the workbench
        what does the workbench do
        what can the workbench do
        what can i do with the workbench
        what can i do with wb
        what can wb do
        what can i do here
        what can i do in this notebook
        what is this package for
        what is this library for
        why should i use the workbench
        introduce the workbench
        a short introduction to the workbench
        what is it good for
        features of the workbench
        describe the workbench
        the workbench in one sentence
        purpose of the workbench
        what's this notebook about
        """,
        "The workbench is a place to talk to models in a notebook, on this machine or on a server:\n\n"
        '```python\nimport workbench as wb\n\nwb.chat()\nwb.ask("Hello!")\nwb.models()\n```',
    ),
    "not_yet": (
        """
        [fine-tune|finetune|train|merge] [a model|my model|models]
        [make|draw|generate|create] [an image|a picture|a video|speech|music] [with a model|]
        """,
        """
        fine tuning
        train my own model
        merge two models
        lora
        text to speech
        """,
        "I don't know a verb for that: the workbench has none yet. `wb.models()` lists the models that are here.",
    ),
    **MANAGER,
    **KEEPING,
    **COMPARING,
    **CONTEXT,
}

MODEL_NAMES = word_list(
    """
    llama3.2 qwen3 gemma3 mistral phi4 deepseek-r1 smollm2 gpt-oss granite codestral
    """
)
AUTHORS = word_list("mlx-community Qwen google mistralai lmstudio-community")
REPOS = word_list(
    "Qwen3-4B-4bit Qwen3-8B-4bit Llama-3.2-1B-Instruct-4bit gemma-3-4b-it-4bit phi-4-4bit SmolLM2-1.7B-4bit"
)
SERVERS = word_list(
    """
    ollama lmstudio local server lab box studio home desk gpu
    """
)


def options_list() -> str:
    """The names of the generation options, as they are in the code."""
    from workbench.options import GenerationOptions

    return ", ".join(f"`{name}`" for name in GenerationOptions.__struct_fields__)


def documented() -> dict[str, str]:
    """Every public function of the workbench with the first sentence of its docstring."""
    import workbench

    found = {}
    for name in getattr(workbench, "__all__", ()):
        value = getattr(workbench, name)
        if inspect.isfunction(value) and value.__doc__:
            found[name] = " ".join(inspect.cleandoc(value.__doc__).split("\n\n")[0].split())
    return found


def _intent(intent: str) -> Maker:
    goal_block, block, answer = INTENTS[intent]
    goals, phrasings = lines(goal_block), lines(block)
    answer = answer.replace("{options}", options_list())

    def make(rng: random.Random) -> Sample:
        text = vary(rng, wording(rng, phrasings, goals, WHERE))
        return Sample("verb", intent, ({"role": "user", "content": text},), answer)

    return make


def _docs() -> list[Maker]:
    def maker(name: str, sentence: str) -> Maker:
        asks = lines(
            """
            what does wb.{v} do
            what is wb.{v}
            wb.{v}
            explain wb.{v}
            docs of wb.{v}
            describe the verb {v}
            what does the verb {v} do
            help on wb.{v}
            """
        )

        def make(rng: random.Random) -> Sample:
            text = fill(vary(rng, rng.choice(asks)), {"v": name})
            return Sample("verb", f"doc_{name}", ({"role": "user", "content": text},), f"`wb.{name}()`: {sentence}")

        return make

    return [maker(name, sentence) for name, sentence in documented().items()]


def _copied(rng: random.Random) -> Sample:
    """Wishes that name a model, a server or a number, which the answer takes over."""
    name = rng.choice(SERVERS) if rng.random() < 0.5 else made_up(rng)
    model = rng.choice(MODEL_NAMES) if rng.random() < 0.6 else made_up(rng)
    remote = f"{name}:{model}"
    port = rng.choice((11434, 1234, 8080, 8000, 1337, rng.randrange(1000, 9999)))
    url = f"http://{rng.choice(('localhost', '127.0.0.1', made_up(rng), '192.168.1.' + str(rng.randrange(2, 99))))}:{port}/v1"
    who = person(rng)
    hub = f"{rng.choice(AUTHORS)}/{rng.choice(REPOS)}"
    n = rng.choice((10, 20, 50, 64, 100, 128, 200, 256, 300, 500, rng.randrange(5, 999)))
    cases = (
        (
            "[chat|talk|speak] [with|to] {remote}|open a chat with {remote}|start a chat [using|on|with] {remote}"
            "|use {remote} [in|for] [a|the] chat|a chat with {remote}",
            f'```python\nchat = wb.chat(model="{remote}")\n```',
        ),
        (
            "[ask|query|prompt] {remote} [a question|something|hello]|put a question to {remote}|get an answer from {remote}"
            "|send a prompt to {remote}|use {remote} for one question",
            f'```python\nreply = wb.ask("Hello!", model="{remote}")\n```',
        ),
        (
            "connect to {url}|add the server {url}|use the server at {url}|my server is at {url}|{url}"
            "|there is a server at {url}|how do i use {url}|reach {url}",
            f'```python\nwb.connect("{url}", name="server")\n```',
        ),
        (
            "connect to {url} [as|named|with the name|under the name|and call it] {name}"
            "|add {url} [as|under the name|with the name] {name}",
            f'```python\nwb.connect("{url}", name="{name}")\n```',
        ),
        (
            "unload {remote}|free the memory of {remote}|unload the model {remote}|remove {remote} from memory|drop {remote}",
            f'```python\nwb.unload("{remote}")\n```',
        ),
        (
            "[limit|cap|restrict] [the answer|the reply|it|the output] to {n} tokens|at most {n} tokens|max {n} tokens"
            "|no more than {n} tokens|answer in {n} tokens at most|only {n} tokens please|stop after {n} tokens",
            f'```python\nreply = wb.ask("What is a list?", max_tokens={n})\n```',
        ),
        (
            "[download|fetch|pull|get|install] {hub}|{hub} [to my disk|onto this machine], please|bring {hub} here",
            f'```python\nd = wb.download("{hub}")\n```',
        ),
        (
            "[does|will|would] {hub} fit|is {hub} too big|how much memory does {hub} need|memory for {hub}",
            f'```python\nwb.fit("{hub}")\n```',
        ),
        (
            "[chat|talk] [with|to] {hub}|open a chat with {hub}",
            f'```python\nchat = wb.chat("{hub}")\n```',
        ),
        (
            "chat with somebody called {who}|make the model believe it is {who}|system prompt that says it is {who}",
            f'```python\nchat = wb.chat(system="You are {who}.")\n```',
        ),
    )
    asks, answer = rng.choice(cases)
    text = rng.choice(re.split(r"\|(?![^\[]*\])", asks))  # at the outer bars only
    if rng.random() < 0.4 and not text.startswith(("my", "there", "how", "{")):
        text = rng.choice(WRAPS).replace("{g}", text)
    values = {"remote": remote, "url": url, "name": name, "who": who, "n": n, "hub": hub}
    text = fill(vary(rng, expand(rng, text)), values)
    return Sample("verb", "copied", ({"role": "user", "content": text},), answer)


def makers() -> list[Maker]:
    """One maker for each intent; the chief verbs more often."""
    chief = (
        "chat",
        "ask",
        "ask",
        "ask_template",
        "models",
        "models",
        "connect",
        "ollama",
        "unload",
        "unload",
        "stream",
        "browse",
        "download",
        "download",
        "library",
        "recommend",
        "compare",
        "compare",
        "benchmark",
        "attach",
        "tools",
        "schema",
    )
    return [_intent(name) for name in (*INTENTS, *chief)] + [_copied, _copied, _copied, *_docs()]
