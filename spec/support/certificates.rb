# frozen_string_literal: true

require 'openssl'

# A private authority with EC keys, and whom it certifies. Nothing of it is on disk until it is written.
#
#   authority = Certificates.authority('root')
#   leaf = authority.certify('collector', hosts: ['127.0.0.1'])
#   leaf.write(directory) # => ["leaf.pem", "leaf.key"], as paths
class Certificates
  DAY = 86_400
  private_constant :DAY

  attr_reader :certificate, :key

  # @param name [String]
  # @return [Certificates] one that signs itself
  def self.authority(name)
    key = OpenSSL::PKey::EC.generate('prime256v1')
    new(key, build(name, key, nil, authority: true), nil)
  end

  def self.build(name, key, issuer, authority: false, hosts: [], ends: Time.now + DAY)
    certificate = OpenSSL::X509::Certificate.new
    certificate.version = 2
    certificate.serial = rand(2**64)
    certificate.subject = OpenSSL::X509::Name.parse("/CN=#{name}")
    certificate.issuer = issuer ? issuer.certificate.subject : certificate.subject
    certificate.public_key = key
    certificate.not_before = Time.now - (2 * DAY)
    certificate.not_after = ends
    extend_with(certificate, issuer, authority, hosts)
    certificate.sign(issuer ? issuer.key : key, OpenSSL::Digest.new('SHA256'))
  end

  def self.extend_with(certificate, issuer, authority, hosts)
    factory = OpenSSL::X509::ExtensionFactory.new
    factory.subject_certificate = certificate
    factory.issuer_certificate = issuer ? issuer.certificate : certificate
    certificate.add_extension(factory.create_extension('basicConstraints', authority ? 'CA:TRUE' : 'CA:FALSE', true))
    certificate.add_extension(factory.create_extension('subjectKeyIdentifier', 'hash'))
    certificate.add_extension(factory.create_extension('keyUsage', 'keyCertSign,digitalSignature', true)) if authority
    return if hosts.empty?

    names = hosts.map { |host| "#{host.match?(/\A[\d.]+\z/) ? 'IP' : 'DNS'}:#{host}" }
    certificate.add_extension(factory.create_extension('subjectAltName', names.join(',')))
  end
  private_class_method :build, :extend_with

  def initialize(key, certificate, issuer)
    @key = key
    @certificate = certificate
    @issuer = issuer
  end

  # @param hosts [Array<String>] names and addresses
  # @param authority [Boolean] an intermediate one
  # @param ends [Time]
  # @return [Certificates]
  def certify(name, hosts: [], authority: false, ends: Time.now + DAY)
    key = OpenSSL::PKey::EC.generate('prime256v1')
    certificate = self.class.send(:build, name, key, self, authority: authority, hosts: hosts, ends: ends)
    self.class.new(key, certificate, self)
  end

  # @return [Array<OpenSSL::X509::Certificate>] from this one to the last that does not sign itself
  def chain
    @issuer ? [certificate, *@issuer.chain] : []
  end

  # @return [String] its certificate, or the whole chain, in PEM form
  def pem(chain: false)
    (chain ? self.chain : [certificate]).map(&:to_pem).join
  end

  # @return [OpenSSL::SSL::SSLContext] of a server with this certificate
  def context(client_authority: nil)
    context = OpenSSL::SSL::SSLContext.new
    context.add_certificate(certificate, key, chain.drop(1))
    return context unless client_authority

    context.verify_mode = OpenSSL::SSL::VERIFY_PEER | OpenSSL::SSL::VERIFY_FAIL_IF_NO_PEER_CERT
    context.cert_store = OpenSSL::X509::Store.new.tap { |store| store.add_cert(client_authority.certificate) }
    context
  end
end
