"""The hashes that kvcluster compares its replicas by.

`blake2b_256` and `chain` make the *history*, a hash chain over all entries of the log;
`MultisetHash` makes the *state*, an incremental hash of all records in any order.

Digests are 32 bytes, and so are keys; `.hex()` shows them as the commands do.

Source: BLAKE2b, RFC 7693; MSet-Add-Hash, Clarke, Devadas, van Dijk, Gassend and Suh, ASIACRYPT
2003.
"""

from kvcluster._core.digest import MultisetHash, blake2b_256, blake2b_256_keyed, chain

__all__ = ["MultisetHash", "blake2b_256", "blake2b_256_keyed", "chain"]
