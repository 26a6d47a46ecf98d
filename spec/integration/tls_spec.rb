# frozen_string_literal: true

require_relative '../support/certificates'
require_relative '../support/fault_receiver'
require_relative '../support/own_directory'

RSpec.describe 'The exporter :otlp, over TLS' do
  include_context 'with a directory'

  after { receiver.stop }

  let(:authority) { Certificates.authority('root') }
  let(:leaf) { authority.certify('collector', hosts: ['127.0.0.1']) }
  let(:receiver) { FaultReceiver.new(:ok, tls: leaf.context) }
  # What an app of the authority's own is set up with.
  let(:trusting) { { otlp_certificate: file('ca.pem', authority.pem) } }

  def file(name, text)
    File.join(directory, name).tap { |path| File.write(path, text) }
  end

  # Three spans; what the log says of them.
  def export(**settings)
    configure(exporter: :otlp, otlp_endpoint: receiver.url, otlp_timeout: 2, **settings)
    3.times { |id| publish('step.completed', task_id: 1, step_id: id) }
    Tasker::Native.flush
    log
  end

  def expect_delivered
    expect(stats).to include(accepted: 3, exported: 3, in_flight: 0)
    expect(receiver.accepted_span_ids.size).to eq(3)
  end

  def expect_refused(told, message)
    expect(stats).to include(accepted: 3, exported: 0, in_flight: 0)
    expect(stats[:dropped]).to include(unreachable: 3)
    expect(receiver.requests).to be_empty
    expect(told).to match(/WARN .*3 spans were lost \(unreachable\): POST https:.*#{message}/i)
  end

  it 'delivers to a collector whose certificate is of the authority that it is told of' do
    export(**trusting)

    expect_delivered
    expect(receiver.connections).to eq(1)
  end

  it 'is told of it by the environment, too' do
    with_env(OTEL_EXPORTER_OTLP_CERTIFICATE: trusting[:otlp_certificate]) { export }

    expect_delivered
  end

  it 'refuses one that the system does not know, and says what is to be done' do
    expect_refused(export, '(self.signed|unable to get local issuer).*tel.otlp_certificate')
    eventually('its end of it') { receiver.failed_handshakes.positive? }
  end

  it 'refuses one of another authority' do
    told = export(otlp_certificate: file('other.pem', Certificates.authority('other').pem))

    expect_refused(told, '(self.signed|unable to get local issuer).*tel.otlp_certificate')
  end

  describe 'to another host' do
    let(:leaf) { authority.certify('elsewhere', hosts: %w[elsewhere.example 10.1.2.3]) }

    it('refuses it') { expect_refused(export(**trusting), '127.0.0.1.*tel.otlp_endpoint') }
  end

  describe 'with a certificate that has expired' do
    let(:leaf) { authority.certify('collector', hosts: ['127.0.0.1'], ends: Time.now - 60) }

    it('refuses it') { expect_refused(export(**trusting), 'expired') }
  end

  describe 'with an authority between the two' do
    let(:leaf) { authority.certify('between', authority: true).certify('collector', hosts: ['127.0.0.1']) }

    it 'delivers' do
      export(**trusting)

      expect_delivered
    end
  end

  it 'says which file is missing, or is none' do
    expect_refused(export(otlp_certificate: '/nowhere/ca.pem'), '/nowhere/ca.pem.*tel.otlp_certificate')
  end

  it 'says that a file holds no certificate' do
    path = file('none.pem', 'nothing')

    expect_refused(export(otlp_certificate: path), "#{path}.*tel.otlp_certificate")
  end

  it 'says when there is no TLS' do
    plain = FaultReceiver.new(:ok)
    expect(export(otlp_endpoint: plain.url.sub('http:', 'https:')))
      .to match(/3 spans were lost \(unreachable\): POST https:.*(SSL|TLS)/)
  ensure
    plain&.stop
  end

  it 'keeps on disk what is refused, and delivers it once the certificate is right' do
    spool = File.join(directory, 'spool')
    export(spool_directory: spool)
    expect(stats).to include(accepted: 3, spooled: 3, exported: 0)

    configure(**trusting)
    Tasker::Native::Pipeline.start
    eventually('the delivery', timeout: 20) { stats[:spooled].zero? && stats[:exported] == 3 }
    expect(receiver.accepted_span_ids.tally.values).to eq([1, 1, 1])
  end

  describe 'with certificates on both sides' do
    let(:receiver) { FaultReceiver.new(:ok, tls: leaf.context(client_authority: authority)) }
    let(:client) { authority.certify('app') }
    let(:own) { { otlp_client_certificate: file('app.pem', client.pem(chain: true)), otlp_client_key: key_of(client) } }

    def key_of(one)
      file("#{one.certificate.subject.to_a[0][1]}.key", one.key.to_pem)
    end

    it 'delivers' do
      export(**trusting, **own)

      expect_delivered
    end

    it 'is told of them by the environment, too' do
      with_env(OTEL_EXPORTER_OTLP_CERTIFICATE: trusting[:otlp_certificate],
               OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE: own[:otlp_client_certificate],
               OTEL_EXPORTER_OTLP_CLIENT_KEY: own[:otlp_client_key]) { export }

      expect_delivered
    end

    describe 'of which the own is a chain' do
      let(:client) { authority.certify('between', authority: true).certify('app') }

      it 'delivers' do
        export(**trusting, **own)

        expect_delivered
      end
    end

    it 'is refused without one' do
      expect_refused(export(**trusting), '.*Next: .*tel.otlp_client_certificate')
    end

    it 'is refused with one of another authority' do
      stranger = Certificates.authority('other').certify('stranger')
      told = export(**trusting, otlp_client_certificate: file('stranger.pem', stranger.pem),
                                otlp_client_key: key_of(stranger))

      expect_refused(told, '.*Next: .*tel.otlp_client_certificate')
    end

    it 'says that a key does not fit, and shows nothing of it' do
      other = authority.certify('other')
      told = export(**trusting, **own, otlp_client_key: key_of(other))

      expect_refused(told, 'other.key.*tel.otlp_client_key')
      expect(told).not_to include(*other.key.to_pem.lines(chomp: true)[1..2])
    end

    it 'says which of the files is missing' do
      expect_refused(export(**trusting, **own, otlp_client_certificate: '/nowhere/app.pem'),
                     '/nowhere/app.pem.*tel.otlp_client_certificate')
    end

    it 'says that the key is missing' do
      expect_refused(export(**trusting, **own, otlp_client_key: '/nowhere/app.key'),
                     '/nowhere/app.key.*tel.otlp_client_key')
    end
  end
end
