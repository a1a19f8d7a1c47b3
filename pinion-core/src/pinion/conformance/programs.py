"""Programs that the kit runs in processes of their own: `python -m pinion.conformance.programs NAME ADDRESS ARGUMENTS`.

Each says what it has to say in lines of JSON. The other end is `pinion.conformance.process`.
"""
