# 一个测评项
item-before = 上一项
item-after = 下一项
item-together = 各资产合并
item-not-at-level = 该等级没有此项
item-point = 控制点
item-level-two = 二级
item-checks = 覆盖它的检查项
item-no-checks = 没有检查项覆盖它：须人工核查。
item-title = 名称
item-own = 自行编写的检查项
item-answer-help = 勾选资产，选择结果，写明核查所见（写入结果记录）后保存；核查所见留空则撤回所选资产的人工核查。
