# frozen_string_literal: true

SPANS = {
  'small' => ['an event, and the attributes that name it',
              [['thread', :thread, 15], ['whole process with gzip', :process, 12], ['objects', :objects, 3]]],
  'large' => ['8 attributes, an event and a status',
              [['thread', :thread, 10], ['whole process with gzip', :process, 15], ['objects', :objects, 3]]]
}.freeze

SPANS.each do |size, (contents, targets)|
  Comparisons.define "span/#{size}", "a span from beginning to collector: #{contents}" do
    ours = subject "span/#{size}_native"
    opentelemetry = subject "span/#{size}_opentelemetry"

    targets.each do |what, figure, times|
      target("#{what}, OpenTelemetry Ruby beside ours", '>=', times) { |got| got.ratio(opentelemetry, ours, figure) }
    end
  end
end
