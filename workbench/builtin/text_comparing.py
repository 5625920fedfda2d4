"""Training text: models side by side and measured, one intent for each thing a person may want to do.

The form is that of `workbench.builtin.text_verbs`: (goals for the shared wraps, whole phrasings, answer).
"""

# ruff: noqa: E501  (one phrasing a line, however long)
from __future__ import annotations

COMPARING: dict[str, tuple[str, str, str]] = {
    "compare": (
        """
        [compare|contrast|hold side by side|put side by side|set against each other] [models|two models|several models|answers|the answers of two models|a few llms|local and remote models]
        [try|run|test|send] [the same prompt|one prompt|my prompts|many prompts|a list of prompts|a set of questions] [on|with|against|to] [several models|two models|every model|different models|all models]
        [see|find out|know|check|decide] which model [is better|is best|answers better|suits me|fits my task]
        [rank|judge|evaluate|assess] [models|two models|several models|llms] [on my questions|on my prompts|on my own data|]
        [run|start|make|do] [a comparison|a sweep|an evaluation|an eval|a side by side test]
        """,
        """
        compare models
        compare two models side by side
        comparison
        side by side
        compare
        compare?
        eval
        evaluation
        sweep
        model against model
        wb.compare
        what does wb.compare do
        what is wb.compare for
        which verb compares models
        one question for three models
        who answers better
        a grid of answers
        """,
        'Call `wb.compare()` with prompts and models:\n\n```python\ncmp = wb.compare(["What is a token?"], ["builtin", "ollama:llama3.2"])\ncmp\n```',
    ),
    "compare_settings": (
        """
        [compare|try|test] [temperatures|several temperatures|option sets|settings|different options|generation options] [of one model|side by side|]
        [compare|try|test] [system prompts|two system prompts|different system prompts|prompt variants]
        [get|draw|take] [several samples|more than one answer|five answers] [for each prompt|of each model|]
        """,
        """
        compare temperature 0 and 1
        system prompts side by side
        several samples of each answer
        which temperature is best
        which system prompt works better
        """,
        '`wb.compare()` takes `options=`, `systems=` and `samples=` too:\n\n```python\ncmp = wb.compare(prompts, ["builtin"], options=[{"temperature": 0}, {"temperature": 1}], samples=3)\n```',
    ),
    "compare_frame": (
        """
        [use|compare models on|run a comparison over|ask about] [the rows of a dataframe|a dataframe|a table of questions|every row of a table|a csv of prompts]
        [fill|use] [a template|a prompt template] [with the columns of a dataframe|from a dataframe|for every row]
        """,
        """
        dataframe of prompts
        one question for each row of my table
        template over a dataframe
        compare over a csv
        """,
        'Give a frame and a `template=` to `wb.compare()`; each column fills a variable:\n\n```python\ncmp = wb.compare(df, ["builtin"], template="What is {word}?")\n```',
    ),
    "compare_results": (
        """
        [get|have|see|put|read] [the comparison|the results of a comparison|the results|the answers of a comparison|every cell|all cells] [as|into|in] [a dataframe|a frame|pandas|a table]
        [pivot|tabulate] [a comparison|the comparison|the results|the answers]
        """,
        """
        cmp.to_frame
        cmp.pivot
        comparison as a table
        comparison to pandas
        results of the sweep as data
        """,
        "A comparison has `.to_frame()`, one row a cell, and `.pivot()`:\n\n```python\ncmp.to_frame()\ncmp.pivot()\n```",
    ),
    "best": (
        """
        [see|find|get|know|pick] [the best model|the winner|the best answer|the best column|who won] [of a comparison|of the comparison|]
        """,
        """
        cmp.best
        who won
        best model of the comparison
        winner
        """,
        "`cmp.best()` ranks the models of a comparison by their scores:\n\n```python\ncmp.best()\n```",
    ),
    "scorers": (
        """
        [score|grade|rate|mark|check] [answers|the answers|replies|each answer|a comparison] [automatically|by a function|with a function|with code|]
        [write|add|use|define] [a scorer|scorers|a score function|my own metric|my own scorer|a check of the answers]
        [check|test] [whether|if] [the answers are|each answer is] [valid json|exact|right|correct]
        """,
        """
        scorers
        scorer
        wb.scorers
        what is wb.scorers
        exact match
        score function
        metric
        how are answers scored
        """,
        'A scorer is a function of a row and a reply; `wb.scorers` has some:\n\n```python\ncmp = wb.compare(prompts, models, scorers=[wb.scorers.contains("token")])\n```',
    ),
    "judge": (
        """
        [let|have|make] [a model|an llm|another model|a big model] [judge|grade|score|rate] [the answers|answers|each answer]
        use [an llm as a judge|a model as judge|a judge model|an llm judge]
        """,
        """
        llm judge
        llm as a judge
        model graded evaluation
        wb.scorers.judge
        """,
        'Use `wb.scorers.judge()` with the model that judges:\n\n```python\ncmp.score([wb.scorers.judge("ollama:llama3.2")])\n```',
    ),
    "vote": (
        """
        [vote|judge|rate] [blind|blindly|without seeing the names|with the names hidden]
        [do|hold|start|run] [a blind vote|a blind test|an arena|a blind comparison]
        """,
        """
        blind vote
        arena
        vote without names
        hide which model it was
        """,
        "The comparison has a blind vote: its button **Vote**, or `cmp.begin_vote()`. Names are hidden and the order is shuffled.",
    ),
    "replay": (
        """
        [replay|repeat|rerun|show again] [a comparison|the comparison|a sweep] [without|with no] [models|a model|a network|asking again]
        [save|keep|store|load|share|open again] [a comparison|the comparison|my comparison|a sweep] [in a file|to a file|from a file|for later|]
        """,
        """
        cmp.save
        cmp.replay
        replay
        save a comparison
        load a comparison
        run the notebook without models
        """,
        'Save the record, and replay it with no model:\n\n```python\ncmp.save("run.jsonl")\nwb.Comparison.load("run.jsonl").replay()\n```',
    ),
    "compare_resume": (
        """
        [go on with|resume|continue|pick up] [a comparison|a sweep|a long comparison] [after a crash|after a restart|later|]
        [stop|halt|interrupt] [a comparison|a sweep|one model of a comparison|a column]
        [rerun|run again|repeat] [failed cells|the failed cells|what failed]
        """,
        """
        the kernel died in a comparison
        resume a sweep
        stop a comparison
        rerun failed cells
        does a comparison survive a restart
        """,
        'Give it a name: the same call goes on where it was. `cmp.stop()` stops, `cmp.rerun()` asks failed cells again:\n\n```python\ncmp = wb.compare(prompts, models, name="my run")\n```',
    ),
    "executor": (
        """
        [run|spread|scale] [a comparison|a sweep|it] [on|over|across] [dask|a cluster|several machines|many workers|a pool]
        use [dask|an executor|a process pool|a thread pool] [for a comparison|for a sweep|]
        """,
        """
        dask
        executor
        cluster
        more than one machine
        """,
        "`wb.compare()` takes any `executor=` of `concurrent.futures`, Dask's too:\n\n```python\ncmp = wb.compare(prompts, models, executor=client.get_executor())\n```",
    ),
    "chart": (
        """
        [draw|plot|chart|see] [a chart|a picture|the speeds|quality against speed|the scores|the results] [of a comparison|of the comparison|of a benchmark]
        """,
        """
        cmp.chart
        chart of a comparison
        quality against speed
        plot the results
        """,
        "`cmp.chart()` draws quality against speed:\n\n```python\ncmp.chart()\n```",
    ),
    "benchmark": (
        """
        [benchmark|measure|time|clock] [models|a model|my models|the engines|my machine|two models|the speed of a model|tokens per second]
        [see|find out|know|measure] how fast [a model|this machine|an engine|each model] is
        [see|find out|know|measure] [prefill and decode speed|the load time|memory of a model|which engine is faster]
        """,
        """
        benchmark
        benchmark?
        speed test
        tokens per second
        wb.benchmark
        what does wb.benchmark do
        what is wb.benchmark for
        which model is fastest
        how fast is my mac
        """,
        'Call `wb.benchmark()`: load time, prefill and decode speed, memory.\n\n```python\nwb.benchmark(["builtin", "ollama:llama3.2"])\n```',
    ),
    "panes": (
        """
        [chat|talk|speak] with [two models|several models|three models|four models|many models] at once
        [ask|talk to] [two|several|both] models [in one window|live|at the same time|with one composer]
        """,
        """
        panes
        wb.panes
        what does wb.panes do
        two chats side by side
        split chat
        several chats in one
        """,
        'Call `wb.panes()`: two to four chats with one composer.\n\n```python\nwb.panes(["builtin", "ollama:llama3.2"])\n```',
    ),
}
