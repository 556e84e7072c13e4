"""Neve in tests: the `neve` fixture of pytest (docs/testing.md).

plugin.py     what pytest loads: names and nothing else, because it is loaded in runs that do not use it, too
neve.py       a Neve for one test, and the functions on it
results.py    what an invocation gave, and what it left
"""
