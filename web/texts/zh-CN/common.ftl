# The frame, states, tables, times: what every page uses.
brand = 烽燧
skip-to-content = 跳到正文
demo-badge = 演示
demo-line = 模拟数据，非真实网络；本机探针为真实监测
live-on = 实时
live-stale = 连接中断，显示的是之前的数据
live-opened = 新事件
theme-dark = 深色
theme-light = 浅色
sign-out = 退出

nav-label = 主导航
nav-menu = 菜单
nav-overview = 总览
nav-incidents = 事件
nav-events = 日志与陷阱
nav-baseline = 等级保护
nav-assets = 资产
nav-links = 链路
nav-maintenance = 维护窗口
nav-agents = 探针
nav-definitions = 定义
nav-import = 导入
nav-audit = 审计
nav-users = 用户

severity-critical = 紧急
severity-major = 重要
severity-minor = 次要
severity-warning = 提示
severity-info = 信息

state-open = 未受理
state-acked = 已受理
state-resolved = 已恢复
state-closed = 已关闭
state-loading = 正在加载……
state-stale = 数据已过时，最后更新于

reach-up = 正常
reach-partly = 部分正常
reach-down = 中断
reach-unknown = 未知
reach-unwatched = 不监测

flag-maintenance = 维护中
flag-topology = 衍生
flag-flapping = 抖动
flag-silence = 已屏蔽
flag-held = 待确认
flag-storm = 告警风暴
flag-stale = 数据过时
flag-late = 补报

time-zone = 管理中心所在时区
time-ago-now = 刚刚
time-ago-seconds = { $n } 秒前
time-ago-minutes = { $n } 分钟前
time-ago-hours = { $n } 小时前
time-ago-days = { $n } 天前
time-seconds = { $n } 秒
time-minutes = { $m } 分 { $s } 秒
time-hours = { $h } 小时 { $m } 分
time-days = { $d } 天 { $h } 小时

table-selected = 已选 {"{n}"} 行
table-select-some = 勾选后可批量处理
table-select-all = 全选本页
table-select-one = 选择此行
table-sort = 按此列排序
table-total = 共 { $n } 行
table-rows = 本页 { $n } 行
table-first = 回到首页
table-next = 下一页
table-filter = 筛选
table-reset = 清除条件
table-search = 搜索
table-any = 全部

chart-none = 所选时段没有数据
chart-failed = 数据读取失败，请刷新页面
chart-time = 时间
chart-table = 数据表
chart-needs-script = 图表需要启用脚本；数据可通过接口 /api/v1/series 读取

problem-title = 操作未完成
problem-not-found = 没有找到
problem-forbidden = 无权访问
problem-home = 返回总览
