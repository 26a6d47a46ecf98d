# frozen_string_literal: true

LATENESS = { p50: 'median us', p90: '90 % us', p99: '99 % us', p999: '99.9 % us', max: 'worst us',
             bystander: "bystander's 99 % us" }.freeze

Comparisons.define 'lateness',
                   'how late a thread wakes, 1,000 times a second, while another publishes 10,000 spans a second' do
  ours = subject 'lateness/export_native'
  opentelemetry = subject 'lateness/export_opentelemetry'
  idle = subject 'lateness/idle'
  show(*LATENESS.map { |figure, heading| Column.new(figure, heading, scale: 1000.0) }, Columns::RATE.alone,
       Columns::PROCESS.alone)

  growth = ->(got, subject) { (got[subject, :p99] - got[idle, :p99]) / 1e6 if got[idle, :p99] }
  target('ms by which p99 grows', '<=', 1) { |got| growth.call(got, ours) }
  target('spans a second that ours published, of 10,000', '>=', 9500) { |got| got[ours, :rate] }
  note { |got| "p99 grows by #{Number.short(growth.call(got, opentelemetry))} ms with OpenTelemetry Ruby" }
end
