"""What Neve costs, beside what people use today: `python -m bench`, or one of the smaller programs in this folder.

machine.py    what it ran on, and whether that is quiet
peers/        who is measured: Neve, the others, and Node.js alone as the physical limit
programs.py   the functions, in Node.js and Python
load/         who calls: wrk, a client with a fixed rate, frames on a socket
parts/        what is measured: each module is a part of the report, and can be measured by itself
figures.py    what a part gives: figures and curves, each of one run
report.py     figures to the page in docs/, charts.py to pictures; bends.py says why curves bend
guard.py      `make bench-quick`: the last committed ratios, again
"""
