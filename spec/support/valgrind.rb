# frozen_string_literal: true

# For specs under valgrind (rake torture:memcheck), where an endless recursion is not ended by Ruby, but by a SIGSEGV
# that may come while the C library holds a lock. The processes in spec/torture have such recursions without valgrind.
RSpec.configure do |config|
  config.define_derived_metadata do |metadata|
    metadata[:no_valgrind] = true if metadata[:description].to_s.match?(/recurs|without end|deep/i)
  end
end
