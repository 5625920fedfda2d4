"""Training text: servers and settings, and a conversation that is kept: one intent for each thing a person may want.

The form is that of `workbench.builtin.text_verbs`: (goals for the shared wraps, whole phrasings, answer).
"""

# ruff: noqa: E501  (one phrasing a line, however long)
from __future__ import annotations

KEEPING: dict[str, tuple[str, str, str]] = {
    "discover": (
        """
        [find|discover|detect|look for|scan for|search for] [servers|local servers|running servers|servers on this machine|what runs here|model servers]
        [see|check|know|find out] [which|what] [servers|model servers|local servers] [are running|are there|answer|are up]
        [check|see] [whether|if] [ollama|lm studio|a server|jan|localai] [is running|is up|answers]
        """,
        """
        discover
        wb.discover
        what does wb.discover do
        what is wb.discover for
        which servers run here
        is there a server on this computer
        look at the usual ports
        find local servers
        what else answers on my machine
        """,
        "Call `wb.discover()`: it looks at the usual ports of this machine.\n\n```python\nwb.discover()\n```",
    ),
    "disconnect": (
        """
        [disconnect|remove|forget|drop|unplug|delete|take away] [a server|the server|an endpoint|my server|a connection|a connected server]
        get rid of [a server|an endpoint|the ollama connection]
        """,
        """
        disconnect
        wb.disconnect
        what does wb.disconnect do
        i do not want that server any more
        remove an endpoint
        stop using a server
        """,
        'Call `wb.disconnect()` with the server\'s name:\n\n```python\nwb.disconnect("ollama")\n```',
    ),
    "settings": (
        """
        [open|see|show|change|edit|find|adjust] [the settings|settings|my settings|the preferences|the configuration|the config|the options of the workbench]
        [set|change|choose] [the default model|the fallback model|the memory limit|the idle time-out|the download limit|a model folder]
        [export|import|carry over|copy|save] [the|my] settings
        """,
        """
        settings
        settings?
        preferences
        configuration
        config file
        wb.settings
        what does wb.settings do
        what is wb.settings for
        where is the settings file
        default model
        where do i configure things
        how much memory may models take
        settings to another machine
        """,
        "Call `wb.settings()`: servers, the default model, the fallback, limits and presets.\n\n```python\nwb.settings()\n```",
    ),
    "fallback": (
        """
        [turn off|switch off|disable|avoid] [the fallback|falling back|answers of another model]
        [have|let] [another model|a second model|the small model] answer when [the first|mine|one|the server] is [down|away|not available|gone]
        """,
        """
        fallback
        what is the fallback
        why did another model answer
        another model answered me
        what happens when the server is down
        my model is away
        no fallback please
        """,
        "When a model is not available, the fallback of the settings answers and says so. To do without it:\n\n```python\nchat = wb.chat(fallback=False)\n```",
    ),
    "picker": (
        """
        [show|open|get|put] [a model picker|the picker|a picker|a drop-down of models|a switch between local and remote] [on its own|in a cell|by itself|]
        [pick|choose|select] the [current|default] model [by clicking|in a widget|once for all]
        """,
        """
        picker
        wb.picker
        what does wb.picker do
        model picker on its own
        choose once for all chats
        local or remote switch
        """,
        "Call `wb.picker()`: what it holds is the model that new chats begin with.\n\n```python\nwb.picker()\n```",
    ),
    "leaves": (
        """
        [know|see|be sure|find out] [whether|if] [my data|my text|a prompt|my words] [stays here|leaves this machine|is sent away|goes to the internet]
        keep [my data|everything|my prompts] on this machine
        """,
        """
        does my text leave the machine
        is my data sent anywhere
        privacy
        is this private
        who reads my prompts
        do you send anything to the internet
        why does it ask before sending
        """,
        "A local model answers on this machine. Before a prompt leaves it for the first time, the chat asks.",
    ),
    "edit": (
        """
        [edit|change|correct|fix|rewrite|rephrase] [a message|my message|my question|a question|the last question|what i said|what i wrote|an earlier message|a prompt|a typo]
        take back [a message|my question|what i said]
        """,
        """
        edit
        i made a typo
        i wrote it wrong
        edit a message
        can i change what i asked
        ask it differently
        chat.edit
        """,
        'Press the pencil at your message, or call `chat.edit()`; the first version stays beside it:\n\n```python\nchat.edit(message, "the better question")\n```',
    ),
    "go_on": (
        """
        [continue|go on with|finish|extend|complete] [an answer|the answer|the last answer|a stopped answer|a cut answer|a reply]
        let [it|the model|you] [go on|keep writing|continue writing|finish]
        """,
        """
        continue
        go on
        keep going
        the answer was cut off
        the answer is not finished
        continue the answer
        it stopped in the middle
        write the rest
        chat.go_on
        """,
        "Call `chat.go_on()`: the answer continues where it stopped.\n\n```python\nchat.go_on()\n```",
    ),
    "branches": (
        """
        [go back to|see|show|find|switch to|get back] [the earlier answer|the other answer|an older version|the first version|the previous answer|another branch|the other branch]
        [branch|split] [a conversation|the chat|a chat]
        [switch|go back and forth|step] between [answers|versions|branches|siblings]
        """,
        """
        branches
        what is a branch
        where is my first question
        both answers
        other versions of an answer
        is the old answer lost
        chat.branches
        chat.show
        """,
        "A chat is a tree: nothing is overwritten. The arrows at a message lead to its other versions, and so does `chat.show()`:\n\n```python\nchat.show(chat.branches(message)[0])\n```",
    ),
    "fork": (
        """
        [fork|copy|duplicate|clone] [a chat|the chat|this chat|a conversation|the conversation]
        [start|open|begin] a new chat [from here|from a message|with the same beginning|at a message]
        """,
        """
        fork
        chat.fork
        copy of this conversation
        try two directions
        same beginning, new chat
        """,
        "Call `chat.fork()`: a new chat with everything up to a message.\n\n```python\nother = chat.fork(message)\n```",
    ),
    "delete_message": (
        """
        [delete|remove|throw away|erase] [a message|one message|an answer|one answer|a branch|part of the chat|a question]
        """,
        """
        delete a message
        remove one answer
        chat.delete
        delete a branch
        """,
        "Call `chat.delete()` with a message: it goes, and what follows it.\n\n```python\nchat.delete(message)\n```",
    ),
    "reopen": (
        """
        [reopen|resume|continue|get back|bring back|restore|open again|load] [a chat|an old chat|my chat|the last chat|yesterday's chat|an earlier conversation|a saved chat|a conversation]
        go on with [an old chat|the chat of yesterday|an earlier conversation]
        """,
        """
        reopen
        wb.reopen
        what does wb.reopen do
        what is wb.reopen for
        the kernel restarted and my chat is gone
        i closed the notebook
        is my conversation lost
        last chat please
        get my conversation back
        the kernel died
        """,
        "Chats are kept as you write. `wb.reopen()` opens the newest again, in any notebook:\n\n```python\nchat = wb.reopen()\n```",
    ),
    "history": (
        """
        [see|show|list|browse|open|manage] [my chats|all chats|old chats|the history|the chat history|past conversations|earlier conversations|kept chats]
        [search|look|look something up] [in|through] [my chats|all chats|old chats|the history|past conversations|what was said]
        [find|look for] [a chat|an old chat|a conversation|something i was told|an answer of last week]
        [rename|pin|tag|delete] [a chat|chats|an old chat|a conversation]
        """,
        """
        history
        history?
        chat history
        old chats
        wb.history
        what does wb.history do
        what is wb.history for
        where are my chats
        search my chats
        where did i ask that
        are chats saved
        which verb searches conversations
        """,
        'Call `wb.history()`: every chat, with search, names, pins and tags.\n\n```python\nwb.history("rivers")\n```',
    ),
    "private": (
        """
        [have|hold|start|open|make] [a private chat|a chat that is not saved|a secret chat|a chat that nobody keeps|an unsaved chat]
        [not keep|not save|stop saving|stop keeping] [a chat|this chat|my chats|the history]
        """,
        """
        private chat
        private
        incognito
        do not save this
        a chat that leaves no trace
        turn off the history
        """,
        "A private chat is never stored:\n\n```python\nchat = wb.chat(private=True)\n```",
    ),
    "export": (
        """
        [export|save|write|store|download] [a chat|the chat|this chat|a conversation|the conversation|the transcript] [as markdown|as html|as json|as a notebook|to a file|as a file|]
        [share|hand over|send] [a chat|the conversation|a transcript] [as a file|with somebody|]
        """,
        """
        export
        chat.export
        chat to markdown
        markdown file of the chat
        html of the conversation
        chat as a notebook
        """,
        'Call `chat.export()`: Markdown, JSON, HTML or a notebook, by the name of the file.\n\n```python\nchat.export("rivers.md")\n```',
    ),
    "presets": (
        """
        [save|keep|store|use|reuse|load] [options|my options|these options|a preset|options under a name|generation options]
        [make|have] a preset
        """,
        """
        preset
        presets
        what is a preset
        same options every time
        options by name
        """,
        'Presets are options with a name, kept in the settings:\n\n```python\nwb.settings().save_preset("precise", temperature=0)\nchat = wb.chat(preset="precise")\n```',
    ),
    "prompts": (
        """
        [save|keep|store|reuse|use again] [a prompt|my prompt|a prompt template|this prompt|a template]
        [write|make|have] a [prompt template|prompt with variables|template with variables]
        """,
        """
        prompt template
        prompt templates
        wb.prompt
        what does wb.prompt do
        saved prompts
        prompt with variables
        the same prompt with other words
        """,
        'Call `wb.prompt()`; words in braces are filled in:\n\n```python\np = wb.prompt("Translate to {language}: {text}")\nchat.send(p.fill(language="French", text="good day"))\n```',
    ),
    "preview": (
        """
        [see|show|know|preview|inspect] [the exact prompt|what the model reads|what is sent|the rendered prompt|the request|the real prompt] [before sending|]
        [count|know|see] [the tokens|how many tokens] [of a prompt|of my message|my prompt has|before sending]
        """,
        """
        preview
        chat.preview
        what does the model really read
        how many tokens is my prompt
        token count
        raw prompt
        """,
        'Call `chat.preview()`: the exact prompt and its tokens.\n\n```python\nchat.preview("Hello").tokens\n```',
    ),
    "context": (
        """
        [see|know|check] [how full the context is|how much context is left|the context|the context length|how much the model remembers]
        [make|have] [a longer|a larger|more] context
        """,
        """
        context
        chat.context
        context is full
        the conversation is too long
        it forgot the beginning
        how long can a chat be
        context length
        too many tokens
        """,
        "`chat.context` has the tokens used, reserved and the limit. When a message would not fit, the chat asks what to do:\n\n```python\nchat.context\n```",
    ),
    "usage_over_time": (
        """
        [see|show|know|count|track|plot] [my usage|the usage|tokens over time|usage over time|how much i used|tokens per day|tokens of each model|how many tokens i used]
        """,
        """
        usage over time
        wb.usage
        what does wb.usage do
        tokens this month
        how much did i use each model
        statistics
        """,
        "Call `wb.usage()`: tokens, time and speed of each model, day by day.\n\n```python\nwb.usage(days=30)\n```",
    ),
    "interrupt": (
        """
        [interrupt|break into|cut short] [an answer|the answer|the model|it] [with a new message|with another question|]
        [send|ask] [another message|something else|the next question] while [it|the model] [writes|is writing|answers]
        """,
        """
        interrupt
        it is still writing and i want to ask something else
        does a second message wait
        stop and ask something else
        """,
        'A message sent meanwhile waits its turn; `interrupt=True` stops what is being written:\n\n```python\nchat.send("Something else", interrupt=True)\n```',
    ),
}
