"""What the kit runs in processes of their own: `python -m pinion.conformance.programs NAME ADDRESS ARGUMENTS`.

Each program says what it has to say in lines of JSON; the other end is `pinion.conformance.process`.
"""
