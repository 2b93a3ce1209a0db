"""What the long run stands on: the tracker, its load, what happens to it, samples, judgement, report."""
