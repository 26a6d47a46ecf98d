# frozen_string_literal: true

# Proves two boundaries from what was compiled:
# - core/ was compiled without Ruby's headers, includes none of them and calls no function of Ruby;
# - the extension exports nothing but its Init function.

CORE = 'ext/tasker_native/core'
OBJECTS = Dir["#{CORE}/**/*.c"].map { |source| source.sub(CORE, 'tmp/c/core').sub(/c\z/, 'o') } # by test/c/Makefile
EXTENSION = Dir['lib/tasker/native/tasker_native.{so,bundle}'].first
INIT = 'Init_tasker_native'

def symbols(*command)
  IO.popen(['nm', *command], &:readlines).map { |line| line.split.last }
end

def ruby_headers
  Dir["#{CORE}/**/*.{c,h}"].select { |file| File.read(file).match?(%r{^\s*#\s*include\s*[<"]ruby[./]}) }
                           .map { |file| "#{file} includes a header of Ruby" }
end

def ruby_symbols
  OBJECTS.flat_map do |object|
    symbols('-u', object).grep(/\A_?(rb|ruby)_/).map { |symbol| "#{object} needs #{symbol}" }
  end
end

def needless_exports
  symbols('-D', '--defined-only', EXTENSION).reject { |symbol| symbol.delete_prefix('_') == INIT }
                                            .map { |symbol| "#{EXTENSION} exports #{symbol}" }
end

missing = OBJECTS.reject { |object| File.exist?(object) }
abort "boundary: not compiled: #{missing.join(', ')}. Next: bundle exec rake test:c" if OBJECTS.empty? || missing.any?
abort 'boundary: there is no extension. Next: bundle exec rake compile' unless EXTENSION

offenses = ruby_headers + ruby_symbols + needless_exports
unless offenses.empty?
  abort <<~MESSAGE
    #{offenses.join("\n")}
    boundary: #{offenses.size} offenses. core/ is plain C (Ruby belongs in binding/), and only #{INIT} is exported.
  MESSAGE
end
puts "boundary: #{OBJECTS.size} objects of core/ know nothing of Ruby, #{INIT} is the only export"
