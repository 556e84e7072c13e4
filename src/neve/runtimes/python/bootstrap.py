"""What Neve starts: `python <this folder>/bootstrap.py`, with the task root as working directory.

Everything is in the package beside it: this file is compiled at every start, that one only once.
"""

if __name__ == "__main__":  # a child of `multiprocessing` imports this file again under another name
    from neve_runtime.loop import main  # type: ignore[import-not-found]

    main()
