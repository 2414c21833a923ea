"""The black-box checker: many buyers, faults, and a judge that shares no code with doorbuster.

`journal` is what the client was told and when, `wire` turns calls into entries of it, `buyers` makes
the load, `faults` breaks the server, `spec` is the sequential specification of one item, `judge`
compares journal and log by it, and `doctored` shows that the judge sees what it is meant to see.
"""
