# frozen_string_literal: true

require 'tmpdir'

# Each example has a directory, which is gone afterwards with all that is in it.
RSpec.shared_context 'with a directory' do
  let(:directory) { File.realpath(Dir.mktmpdir) }

  after { FileUtils.remove_entry(directory) }
end
