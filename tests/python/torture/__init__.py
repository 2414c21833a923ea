"""The black-box checker: many buyers, faults, and a judge that shares no code with doorbuster.

`journal` records calls and answers with their times, `wire` makes the calls, `buyers` creates the load,
`faults` injects faults, `spec` is the sequential specification of one item, `judge` compares journal and
log by it, and `doctored` tests that the judge finds defects.
"""
