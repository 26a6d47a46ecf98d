# frozen_string_literal: true

# Loads the extension that TASKER_TORTURE_EXTENSION names (torture_extension.rb makes it) in the place of the real one.
library = File.expand_path('../../../lib', __dir__)
$LOAD_PATH.unshift(library)
if ENV['TASKER_TORTURE_EXTENSION']
  $LOADED_FEATURES << File.join(library, "tasker/native/tasker_native.#{RbConfig::CONFIG['DLEXT']}")
  require ENV['TASKER_TORTURE_EXTENSION']
end
