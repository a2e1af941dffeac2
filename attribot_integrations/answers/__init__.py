"""The life of an answer, whatever the framework: what was captured, the attempt, the record."""
