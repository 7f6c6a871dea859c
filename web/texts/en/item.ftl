# One item.
item-before = Previous
item-after = Next
item-together = All assets together
item-not-at-level = Not asked for at this level
item-point = Control point
item-level-two = level 2
item-checks = Checks that serve it
item-no-checks = No check serves it: somebody has to look.
item-title = What it looks at
item-own = a check of your own
item-answer-help = Select assets, choose the result, say what was seen (it stands in the record sheet) and save. Empty takes their answers away.
