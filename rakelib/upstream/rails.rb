# frozen_string_literal: true

require 'open3'
require 'rbconfig'
require 'tmpdir'

# Runs Rails' tests of ActiveSupport::ParameterFilter, the newest ones, on Tasker::Native::ParameterFilter. They stay
# where they are, in Rails' repository.
class RailsTests
  PATH = 'activesupport/test/parameter_filter_test.rb'
  LIB = File.expand_path('../../lib', __dir__)

  # In the place of the file of this name that Rails' tests begin with.
  ABSTRACT_UNIT = <<~RUBY
    require 'active_support'
    require 'active_support/test_case'
    require 'active_support/testing/autorun'
    require 'active_support/parameter_filter'
    require 'tasker/native'

    ActiveSupport.send(:remove_const, :ParameterFilter)
    ActiveSupport::ParameterFilter = Tasker::Native::ParameterFilter
  RUBY

  def initialize(repo)
    @repo = repo
  end

  # @return [Boolean] whether all have passed
  def run
    tests = source or abort "#{@repo} has no #{PATH}"
    Dir.mktmpdir do |directory|
      File.write("#{directory}/abstract_unit.rb", ABSTRACT_UNIT)
      File.write("#{directory}/parameter_filter_test.rb", tests)
      system(RbConfig.ruby, '-I', LIB, "#{directory}/parameter_filter_test.rb")
    end
  end

  private

  def source
    text, status = Open3.capture2('git', '-C', @repo, 'show', "HEAD:#{PATH}")
    text if status.success?
  end
end

exit RailsTests.new(ARGV.fetch(0)).run
