# States of a configuration, compared.
states-title = { $name }: states of the configuration
states-none = No configuration is kept
states-none-advice = Once it is collected or handed in, every state that says something else is kept.
states-left = Left
states-right = Right
states-until = Last seen
states-not-whole = not whole
states-compare = Compare these two
states-no-text = One of them is so long that only its fingerprint is kept: there is nothing to compare.
states-secrets = { $n } passwords or keys are others now (by their keyed hashes; none is kept):
states-counted = { $added } lines came, { $removed } went; lines that change by themselves are not counted.
states-results = Results that changed meanwhile
states-unknown = not known
