"""A chat whose rooms are streams: one order of messages, the same on every node, and none lost."""
