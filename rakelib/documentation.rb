# frozen_string_literal: true

# Proves that every name which anybody outside can see is documented, what the extension and define_method define, too
# (YARD does not see these by itself: they need an @!method or @!attribute), and that YARD has nothing to complain of:
# unknown tags, parameters that there are not, links that lead nowhere. Writes the pages into tmp/yard.

require 'set'
require 'stringio'
require 'yard'

require 'rspec/expectations'

$LOAD_PATH.unshift('lib')
require 'tasker-native'
of_rails = ['lib/tasker/native/railtie.rb', *Dir['lib/tasker/native/engine/*.rb']] # and of tasker-engine
(Dir['lib/tasker/native/**/*.rb'] - of_rails).each { |file| require File.expand_path(file) }

# What YARD says by itself of a member of a Struct.
OF_ITS_OWN = /\A(Returns the value of|Sets the) attribute /

# @return [String] warnings, and errors
def parse
  YARD::Logger.instance.io = said = StringIO.new
  YARD::CLI::Yardoc.run('--no-cache', '--no-save', '--no-stats', '--no-progress', '--output-dir', 'tmp/yard')
  said.string.strip
end

def names
  YARD::Registry.all(:module, :class, :constant, :method).reject { |object| object.visibility == :private }
end

# docstring.all is what was written: YARD adds what a predicate and initialize return.
def documented?(object)
  return true if object.name == :initialize && object.parameters.empty?

  !object.docstring.blank? && object.docstring.all.match?(/\S/) && !object.docstring.match?(OF_ITS_OWN)
end

def undocumented
  names.reject { |object| documented?(object) }.map { |object| "#{object.file}:#{object.line} #{object.path}" }
end

def modules_below(namespace, seen = Set.new)
  return seen unless namespace.is_a?(Module) && namespace.name&.start_with?('Tasker') && seen.add?(namespace)

  loaded = namespace.constants(false).reject { |name| namespace.autoload?(name) } # what is beside tasker-engine only
  loaded.each { |name| modules_below(namespace.const_get(name), seen) }
  seen
end

def methods_of(owner)
  instance = owner.public_instance_methods(false) + owner.protected_instance_methods(false)
  of_itself = owner.singleton_methods(false)
  if owner < Struct # Ruby defines some of these
    instance -= owner.members.map { |name| :"#{name}=" }
    of_itself.select! { |name| owner.method(name).source_location }
  end
  instance.map { |name| "#{owner}##{name}" } + of_itself.map { |name| "#{owner}.#{name}" }
end

def unseen
  modules_below(Tasker).flat_map { |owner| methods_of(owner) }.reject { |path| YARD::Registry.at(path) }
end

complaints = parse.split(/^(?=\[\w+\]: )/).map(&:strip)
undocumented = undocumented()
unseen = unseen().map { |path| "#{path}, which is defined at run time" }
unless complaints.empty? && undocumented.empty? && unseen.empty?
  count = names.size + unseen.size
  share = 100.0 * (count - undocumented.size - unseen.size) / count
  abort <<~MESSAGE
    #{[*complaints, *undocumented.sort, *unseen.sort].join("\n")}
    yard: #{share.floor(2)} % of #{count} names documented, #{complaints.size} complaints
  MESSAGE
end
puts "yard: 100.00 % of #{names.size} names documented"
