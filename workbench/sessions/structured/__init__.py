"""Answers in a shape: what is asked for as a JSON schema, found in the text, checked. They know no chat and no screen.

wanted.py    what a person gives as `schema`: a JSON schema, a pydantic model, a dataclass, a TypedDict, a Struct
narrowed.py  the schema as it is sent: what a model could write without end is closed
fitting.py   the JSON in a text, and whether it fits
asking.py    what a model is told of the schema, and of what did not fit
"""
