"""What a person has becomes parts of the next message: tables, pictures, files, outputs, errors. Knows no widget.

    beside.py       what stands beside the composer until the next message: attach, detach
    things.py       which kind a thing is
    tables.py       frames and CSV: shape, columns, statistics, the first rows
    arrays.py       NumPy arrays: shape, statistics, a corner
    pictures.py     figures and pictures, shrunk and written anew
    files.py        files as text, notebooks as their cells
    outputs.py      any object as its text or picture, errors as their traceback
    latest.py       the notebook's last output and last error
    keys.py         what holds a key is never sent
    attachment.py   what comes of it all, and how a screen shows it
    receiving.py    what a front end attaches: bytes in pieces, pasted text
    sight.py        which models see pictures

pandas, polars, Pillow and matplotlib are imported only for what comes from them.
"""
