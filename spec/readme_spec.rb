# frozen_string_literal: true

require 'tmpdir'

require_relative 'support/readme'

# What README says is tried: snippets, tables, links. Its quick start: quick_start_spec.rb.
RSpec.describe 'README.md' do
  subject(:readme) { Readme.new }

  it 'has Ruby that runs without Rails, in its order, and gives what it says' do
    expect(readme.script.scan('# =>').size).to be > 5
    expect(ruby(readme.checking_script)).to match(/\A(120 rows\nread_file took 0\.\d+ s\n){2}\z/)
  end

  it 'has specs that pass' do
    files = readme.app_files.slice('app/tasks/order_process/fetch_cart.rb', 'spec/tasks/fetch_cart_spec.rb')
    script = <<~RUBY
      require 'tasker-native'
      require 'rspec/core'
      RSpec::Core::Runner.disable_autorun!
      handler, spec = ARGV.map { |file| File.expand_path(file) }
      require handler
      exit RSpec::Core::Runner.run(['--options', File::NULL, spec])
    RUBY
    Dir.mktmpdir do |directory|
      paths = files.map { |name, code| File.join(directory, File.basename(name)).tap { |path| File.write(path, code) } }
      result = run_ruby(script, *paths, gems: true, chdir: directory, env: { 'RAILS_ENV' => 'test' })

      expect(result).to have_attributes(status: be_success, out: include('2 examples, 0 failures')),
                        result.out + result.err
    end
  end

  describe 'settings' do
    let(:table) { readme.table('Settings').to_h { |name, default| [name.delete('`').to_sym, default] } }

    it 'are all that have an effect' do
      effective = Tasker::Native::Settings::DEFINITIONS.values.reject(&:no_effect).map(&:name)

      expect(table.keys).to match_array(effective)
    end

    it 'have these defaults' do
      literals = table.transform_values { |default| default[/\A`([^`]*)`\z/, 1] }.compact
      defaults = literals.transform_values { |literal| eval(literal) } # rubocop:disable Security/Eval -- our own file

      expect(defaults.size).to be > 15
      expect(defaults).to eq(defaults.keys.to_h { |name| [name, Tasker::Native::Settings.new.public_send(name)] })
    end
  end

  describe 'environment variables' do
    let(:table) do
      readme.table('From the environment').flat_map { |names, use| names.scan(/\w+/).map { |name| [name, use] } }.to_h
    end
    # What a variable is set to, and what the setting is then.
    let(:samples) do
      { exporter: ['console', [:console]], otlp_endpoint: ['http://a:1', 'http://a:1'],
        otlp_headers: ['a=b', { 'a' => 'b' }], otlp_compression: %w[none none],
        otlp_timeout: ['1500', 1.5], schedule_delay: ['1500', 1.5],
        metrics_exporter: ['none', :none], metrics_export_interval: ['1500', 1.5],
        metrics_temporality: ['delta', :delta],
        metrics_histogram_aggregation: %w[base2_exponential_bucket_histogram].then { |(name)| [name, name.to_sym] },
        otlp_certificate: %w[a.pem a.pem], otlp_client_certificate: %w[a.pem a.pem], otlp_client_key: %w[a.pem a.pem] }
    end

    def setting_for(variable, name)
      settings = Tasker::Native::Settings.new
      of_metrics = variable.include?('_OTLP_METRICS_') && name.start_with?('otlp_')
      of_metrics ? settings.of_signal(name, 'METRICS') : settings.public_send(name)
    end

    it 'set what they are said to set' do
      settings = table.transform_values { |use| use[/\A`(\w+)`(?!.*everything)/, 1]&.to_sym }.compact

      expect(settings.size).to be > 10
      settings.each do |variable, name|
        value, expected = samples.fetch(name, ['77', 77])
        with_env(variable => value) do
          expect(setting_for(variable, name)).to eq(expected), "#{variable} does not set #{name}"
        end
      end
    end

    it 'are all that the code asks for' do
      code = Dir[File.join(Readme::ROOT, 'lib/**/*.rb')].map { |file| File.read(file) }.join

      expect(table.keys).to include(*code.scan(/OTEL_[A-Z_]+[A-Z]\b/).uniq)
    end
  end

  it 'has the initializer of the example app' do
    name = 'config/initializers/tasker.rb'
    example = File.read(File.join(Readme::ROOT, 'examples/orders', name))

    expect(readme.app_files[name]).to eq(example.sub("# frozen_string_literal: true\n\n", ''))
  end

  it 'names commands that exist' do
    programs = readme.commands.map { |command| command.split.find { |word| !word.include?('=') } }
    ours = programs.uniq - %w[bin/rails bundle]

    expect(ours).to include('bin/demo', 'bin/test')
    expect(ours).to all(satisfy { |program| File.executable?(File.join(Readme::ROOT, program)) })
  end

  it 'links to files and headings that exist' do
    headings, others = readme.links.partition { |link| link.start_with?('#') }
    files = others.reject { |link| link.start_with?('https://') }.map { |link| link.split('#') }

    expect(headings - readme.anchors).to be_empty
    expect(files.map(&:first).reject { |file| File.exist?(File.join(Readme::ROOT, file)) }).to be_empty
    expect(files.reject { |page, heading| heading.nil? || Readme.new(page).anchors.include?("##{heading}") })
      .to be_empty
  end

  it 'knows nothing of where it was written' do
    expect(readme.text).not_to match(%r{(?<![\w./])/(work|root|tmp|home|Users)\b})
  end
end
