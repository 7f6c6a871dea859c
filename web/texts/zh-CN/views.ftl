# Saved views of lists.
views-label = 视图
views-own = 保存视图
views-name = 名称
views-help = 保存当前的筛选条件与排序，仅自己可见
views-save = 保存
views-remove = 删除
views-saved = 视图已保存
views-removed = 视图已删除
