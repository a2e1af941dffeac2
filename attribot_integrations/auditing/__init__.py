"""Citations that an answer came with, checked: does it depend on them, and do they state it?"""
