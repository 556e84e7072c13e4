"""`neve check`: a function's fates on purpose, what differs between them, and what to change.

targets.py    which functions, with which code and event
worlds.py     a throwaway server, and an account of it for each function and fate
witness.py    what a world has told so far, and waiting for it
fates.py      one function in one fate: what was seen
observed.py   what was seen, in the words of findings: leaks, calls, lines, answers
compare.py    three of those: the findings. Pure
advice.py     what to change. Pure
show.py       for a terminal    report.py, junit.py, sarif.py  for machines
"""
