# frozen_string_literal: true

# Ruby's warnings about this project's files, which fail the run at its end; other people's are left out.
module Warnings
  OURS = %r{\A(?:#{Regexp.escape(File.expand_path('../..', __dir__))}/)?(?:lib|spec|examples|bench)/}

  def self.seen
    @seen ||= []
  end

  def warn(message, category: nil, **)
    return super if category == :deprecated && !message.match?(OURS)
    return super if message.include?('warning: tasker-native: ') # said on purpose
    return unless message.match?(OURS)

    Warnings.seen << message
    super
  end
end

Warning.singleton_class.prepend(Warnings)
$VERBOSE = true
