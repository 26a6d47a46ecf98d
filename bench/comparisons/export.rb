# frozen_string_literal: true

Comparisons.define 'export/gzip', 'delivered spans of 8 attributes, with gzip: CPU of the process, speed, memory' do
  ours = subject 'export/gzip_native'
  opentelemetry = subject 'export/gzip_opentelemetry'
  show Columns::PROCESS, Columns::THREAD, Columns::RATE, Columns::MEMORY, Columns::OBJECTS

  target('process, OpenTelemetry Ruby beside ours', '>=', 20) { |got| got.ratio(opentelemetry, ours, :process) }
  target('ns of the process', '<=', 3000) { |got| got[ours, :process] }
  target('spans a second, times OpenTelemetry Ruby', '>=', 15) { |got| got.ratio(ours, opentelemetry, :rate) }
  target('MiB by which memory grows', '<=', 128) { |got| got.mebibytes(ours, :memory) }
end

Comparisons.define 'export/uncompressed', 'the same, without gzip' do
  ours = subject 'export/plain_native'
  opentelemetry = subject 'export/plain_opentelemetry'
  show Columns::PROCESS, Columns::THREAD, Columns::RATE, Columns::MEMORY

  target('process, OpenTelemetry Ruby beside ours', '>=', 20) { |got| got.ratio(opentelemetry, ours, :process) }
end

Comparisons.define 'export/sustained', 'the highest even rate at which no span is dropped, with a queue of 2,048' do
  ours = subject 'export/sustained_native'
  opentelemetry = subject 'export/sustained_opentelemetry'
  show Column.new(:sustained, 'spans a second', compared: true), Columns::MEMORY

  target('spans a second, times OpenTelemetry Ruby', '>=', 10) { |got| got.ratio(ours, opentelemetry, :sustained) }
end

Comparisons.define 'export/plain', 'delivered spans of 8 attributes, without gzip, beside C++' do
  ours = subject 'export/plain_native'
  cpp = subject 'export/plain_cpp'
  show Columns::PROCESS, Columns::THREAD, Columns::RATE, Columns::MEMORY
  needs('opentelemetry-cpp, which Debian has from 13 on') { CppProgram.opentelemetry? }

  target('process, opentelemetry-cpp beside ours', '>=', 4) { |got| got.ratio(cpp, ours, :process) }
end

Comparisons.define 'export/steady', 'the same at 10,000 spans a second' do
  ours = subject 'export/steady_native'
  cpp = subject 'export/steady_cpp'
  show Columns::PROCESS, Columns::THREAD, Columns::MEMORY
  needs('opentelemetry-cpp, which Debian has from 13 on') { CppProgram.opentelemetry? }

  target('process, opentelemetry-cpp beside ours', '>=', 4) { |got| got.ratio(cpp, ours, :process) }
end
