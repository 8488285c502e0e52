"""The shell `kvcluster repl`: a line is typed, split into words (`words`), understood as a verb of
the shell (`verbs`, `cluster_verbs`) or sent as a command (`route`), and its reply shown (`render`).

While it is typed, `book` knows the commands as the server tells them, `syntax` their arguments,
`completion` what may come next. `prompt` puts the pieces before a terminal; everything else works
without one.
"""
