"""What the clouds' own engines would do with a document: theirs, ours, or anybody's.

Written from the vendors' documentation, not from our compiler, so that each can show the other wrong.
"""
