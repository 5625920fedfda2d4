"""Python functions that a model may call: what each file is for.

function.py    a function becomes a `Tool`: its signature, its docstring
docstring.py   what a docstring says of a function and of its arguments
arguments.py   the arguments that a model wrote, read and checked
calling.py     runs a function on a thread of its own: time limit, size limit
result.py      what a function gave back, as text for a model
called.py      one call of an answer: asked for, allowed, running, answered
permission.py  what the person allows, in one chat
offer.py       the functions offered to a model for one answer
rounds.py      the calls of an answer, one round of them after another
modes.py       ask, act, edit: what a chat lets its model do
"""
