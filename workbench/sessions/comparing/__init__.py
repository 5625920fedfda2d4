"""Side by side: prompts x models x settings as one object. Knows no widget.

compare.py      `compare`: makes a comparison of what a person gives, or goes on with one
comparison.py   the object a notebook holds
values.py       its frozen values: rows, columns, cells, receipts
grid.py         rows and columns out of what a person gives: templates, ids, titles
checks.py       what is checked before anything is asked
sweep.py        who answers which cell, when: folds events into cells
failures.py     what the failure of one cell says of others
live.py         a cell that is being answered
schedule.py     the order: one local model after another, endpoints beside them under their limits
remote_task.py  a request as it travels to a `concurrent.futures.Executor`
scoring.py      the scorers at work
scorers.py      those built in; scorer.py: what one is; judge.py and similarity.py: those that ask a model
whole_answer.py one answer, waited for
diff.py         the difference of two answers by words
vote.py         a blind vote, with counts and their interval
charts.py       pictures of a comparison and a benchmark; picture.py: how a notebook keeps one
benchmark.py    models measured on this machine; benchmark_run.py: the measuring; benchmark_prompts.py: the texts
record.py       the file that holds it: what finished survives a killed kernel
kept.py         where these files are: names, locks, which go when they are old; journal.py: a file that only grows
receipts.py     what is needed to repeat a cell
asked.py        what a front end asks of it, done
export.py       it as a file: CSV, JSON, HTML, Markdown
sheet.py        what can be read of a comparison: its base
frame.py        the tidy table and what is read off it
views.py        rows, columns and cells as a screen draws them
"""
