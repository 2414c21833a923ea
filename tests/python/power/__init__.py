"""Power losses under a running server.

`recorder.c` records what the server does to its files, `trace` reads that, `disk` makes from it what a disk may
hold after a power loss at any moment, `storm` is the load and the record of what left the server, and `opened`
checks that each disk has all of it.
"""
